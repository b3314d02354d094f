package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand"
	"strings"
	"sync"
	"time"
)

// order has the fields of ordersd's contract, without metadata and sent_at.
type order struct {
	AccountID     string  `json:"account_id"`
	ClientOrderID string  `json:"client_order_id"`
	Symbol        string  `json:"symbol"`
	Side          string  `json:"side"`
	Type          string  `json:"type"`
	Quantity      string  `json:"quantity"`
	LimitPrice    *string `json:"limit_price"`
	StopPrice     *string `json:"stop_price"`
	TimeInForce   string  `json:"time_in_force"`

	id       [16]byte
	received time.Time
}

func (o *order) parse(body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(o); err != nil {
		return err
	}
	if o.TimeInForce == "" {
		o.TimeInForce = "day"
	}
	if err := o.check(); err != nil {
		return err
	}
	o.received = time.Now()
	o.id = newID(o.received)
	return nil
}

func (o *order) check() error {
	limit := o.Type == "limit" || o.Type == "stop_limit"
	stop := o.Type == "stop" || o.Type == "stop_limit"
	switch {
	case !isWord(o.AccountID, 64, "._:/-", true):
		return errors.New("account_id")
	case !isWord(o.ClientOrderID, 64, "._:/-", true):
		return errors.New("client_order_id")
	case !isWord(o.Symbol, 32, "._/-", false):
		return errors.New("symbol")
	case o.Side != "buy" && o.Side != "sell":
		return errors.New("side")
	case !limit && !stop && o.Type != "market":
		return errors.New("type")
	case !isDecimal(o.Quantity):
		return errors.New("quantity")
	case limit != (o.LimitPrice != nil) || limit && !isDecimal(*o.LimitPrice):
		return errors.New("limit_price")
	case stop != (o.StopPrice != nil) || stop && !isDecimal(*o.StopPrice):
		return errors.New("stop_price")
	case o.TimeInForce != "day" && o.TimeInForce != "gtc" && o.TimeInForce != "ioc" && o.TimeInForce != "fok":
		return errors.New("time_in_force")
	}
	return nil
}

func isWord(text string, most int, marks string, lower bool) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		plain := c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || lower && c >= 'a' && c <= 'z'
		if !plain && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return len(text) > 0 && len(text) <= most
}

// isDecimal: (0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?, and more than zero.
func isDecimal(text string) bool {
	whole, fraction, pointed := strings.Cut(text, ".")
	return digits(whole) && len(whole) <= 18 && (whole[0] != '0' || len(whole) == 1) &&
		(!pointed || digits(fraction) && len(fraction) <= 18) && strings.Trim(text, "0.") != ""
}

func digits(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return len(text) > 0
}

var dice = sync.Pool{New: func() interface{} { return rand.New(rand.NewSource(time.Now().UnixNano())) }}

// newID makes a UUIDv7.
func newID(now time.Time) (id [16]byte) {
	die := dice.Get().(*rand.Rand)
	binary.BigEndian.PutUint64(id[8:], die.Uint64()&(1<<62-1)|1<<63)
	binary.BigEndian.PutUint64(id[:8], uint64(now.UnixMilli())<<16|0x7000|die.Uint64()&0xfff)
	dice.Put(die)
	return id
}

// same compares the content of two orders by value.
func (o *order) same(other *order) bool {
	return o.Symbol == other.Symbol && o.Side == other.Side && o.Type == other.Type && o.TimeInForce == other.TimeInForce &&
		trim(o.Quantity) == trim(other.Quantity) && trimmed(o.LimitPrice) == trimmed(other.LimitPrice) &&
		trimmed(o.StopPrice) == trimmed(other.StopPrice)
}

func trimmed(decimal *string) string {
	if decimal == nil {
		return ""
	}
	return trim(*decimal)
}

func trim(decimal string) string {
	if strings.IndexByte(decimal, '.') < 0 {
		return decimal
	}
	return strings.TrimRight(strings.TrimRight(decimal, "0"), ".")
}

// render writes the answer. No text needs an escape: check() has seen all of them.
func (o *order) render(out []byte, replayed bool) []byte {
	var text [36]byte
	hex.Encode(text[:8], o.id[:4])
	hex.Encode(text[9:13], o.id[4:6])
	hex.Encode(text[14:18], o.id[6:8])
	hex.Encode(text[19:23], o.id[8:10])
	hex.Encode(text[24:], o.id[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	out = append(append(append(out, `{"order_id":"`...), text[:]...), '"')
	out = member(out, "account_id", o.AccountID)
	out = member(out, "client_order_id", o.ClientOrderID)
	out = member(out, "symbol", o.Symbol)
	out = member(out, "side", o.Side)
	out = member(out, "type", o.Type)
	out = member(out, "quantity", trim(o.Quantity))
	if o.LimitPrice != nil {
		out = member(out, "limit_price", trim(*o.LimitPrice))
	}
	if o.StopPrice != nil {
		out = member(out, "stop_price", trim(*o.StopPrice))
	}
	out = member(out, "time_in_force", o.TimeInForce)
	out = append(out, `,"received_at":"`...)
	out = o.received.UTC().AppendFormat(out, "2006-01-02T15:04:05.000000Z")
	if replayed {
		return append(out, `","status":"accepted","replayed":true}`...)
	}
	return append(out, `","status":"accepted","replayed":false}`...)
}

func member(out []byte, name, value string) []byte {
	out = append(append(append(out, `,"`...), name...), `":"`...)
	return append(append(out, value...), '"')
}
