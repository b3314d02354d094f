// Posts orders to ordersd until each of them is stored or refused. README.md beside this file has the rules.
//
//	go run post_orders.go BASE_URL ACCOUNT ORDERS BATCH [SECONDS]
//
// Prints the client_order_id of each stored order. Needs Go 1.19 and no package.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	requestTimeout = 15 * time.Second // longer than ORDERS_COMMIT_TIMEOUT of the service, which is 10 s by default
	pauseFirst     = 100 * time.Millisecond
	pauseMax       = 5 * time.Second
)

// Decimals are strings: the quantity below would be 0.1 as a float64.
type order struct {
	AccountID     string `json:"account_id"`
	ClientOrderID string `json:"client_order_id"`
	Symbol        string `json:"symbol"`
	Side          string `json:"side"`
	Type          string `json:"type"`
	Quantity      string `json:"quantity"`
	LimitPrice    string `json:"limit_price"`

	inDoubt bool   // was sent once without a definite answer
	why     string // what the last answer said
}

// makeOrders makes the ids, once. A real program saves an order with its id before the first attempt.
func makeOrders(account string, count int) []*order {
	run := make([]byte, 16)
	if _, err := rand.Read(run); err != nil {
		panic(err)
	}
	orders := make([]*order, count)
	for n := range orders {
		cents := 1250 + n
		orders[n] = &order{AccountID: account, ClientOrderID: fmt.Sprintf("%x-%d", run, n), Symbol: "ACME", Side: "buy",
			Type: "limit", Quantity: "0.100000000000000005", LimitPrice: fmt.Sprintf("%d.%02d", cents/100, cents%100)}
	}
	return orders
}

// problem has the members that a problem document and the error of one order of a batch share.
type problem struct {
	Code         string `json:"code"`
	Outcome      string `json:"outcome"`
	Retryable    *bool  `json:"retryable"`
	RetryAfterMS int64  `json:"retry_after_ms"`
}

// result is what an answer says of one order. Status 0: no whole answer came.
type result struct {
	Index  int     `json:"index"`
	Status int     `json:"status"`
	Error  problem `json:"error"`
}

// post returns the result for the whole request, the results of single orders, if there are any, and Retry-After.
func post(url string, sent any) (whole result, results []result, retryAfter time.Duration) {
	body, err := json.Marshal(sent)
	if err != nil {
		panic(err)
	}
	status, header, text := exchange(url, body)
	var document struct {
		problem
		Results []result `json:"results"`
	}
	seconds, _ := strconv.ParseUint(header.Get("Retry-After"), 10, 16)
	retryAfter = time.Duration(seconds) * time.Second
	if json.Unmarshal(text, &document) != nil { // a page of a balancer, for example
		return result{Status: status}, nil, retryAfter
	}
	return result{Status: status, Error: document.problem}, document.Results, retryAfter
}

var client = &http.Client{Timeout: requestTimeout}

// exchange returns the status 0 if no whole answer came.
func exchange(url string, body []byte) (status int, header http.Header, text []byte) {
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key := os.Getenv("ORDERSD_KEY"); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, nil
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err != nil {
		return 0, nil, nil
	}
	return response.StatusCode, response.Header, text
}

// verdict returns whether the order is stored, whether it is to be repeated, and whether this attempt may have stored
// it. Without `retryable` and `outcome` the answer is not of ordersd but of a balancer, or no answer came.
func (r result) verdict() (stored, repeat, unknown bool) {
	repeat = r.Status == 0 || r.Status == 207 || r.Status == 408 || r.Status == 429 || r.Status >= 500
	if r.Error.Retryable != nil {
		repeat = *r.Error.Retryable
	}
	unknown = r.Status < 400 || r.Status >= 500
	if r.Error.Outcome != "" {
		unknown = r.Error.Outcome == "unknown"
	}
	return r.Status == 200 || r.Status == 201, repeat, unknown
}

var exitCode = 0

func (o *order) giveUp() {
	word := "not stored"
	if o.inDoubt {
		word = "unknown"
	}
	fmt.Fprintf(os.Stderr, "%s %s: %s\n", word, o.ClientOrderID, o.why)
	exitCode = 1
}

// apply prints the order if it is stored, gives it up if it is refused, and returns true if it is to be repeated.
func (o *order) apply(r result) bool {
	stored, repeat, unknown := r.verdict()
	if stored {
		fmt.Println(o.ClientOrderID)
		return false
	}
	o.inDoubt = o.inDoubt || unknown
	if r.Error.Code == "client_order_id_reused" { // another order has this id, so this one is not stored
		o.inDoubt = false
	}
	o.why = "no answer"
	if r.Status != 0 {
		o.why = strings.TrimSpace(fmt.Sprint(r.Status, " ", r.Error.Code))
	}
	if !repeat {
		o.giveUp()
	}
	return repeat
}

// attempt posts the orders once. It returns those that are to be repeated, and the wait that the service asks for.
func attempt(base string, orders []*order, single bool) (repeat []*order, wait time.Duration) {
	path, sent := "/v1/orders/batch", any(orders)
	if single {
		path, sent = "/v1/orders", orders[0]
	}
	whole, results, wait := post(base+path, sent)
	of := make([]result, len(orders))
	for i := range of {
		of[i] = whole
	}
	for _, r := range results {
		if r.Index >= 0 && r.Index < len(of) {
			of[r.Index] = r
		}
	}
	for i, o := range orders {
		if o.apply(of[i]) {
			repeat = append(repeat, o)
			if own := time.Duration(of[i].Error.RetryAfterMS) * time.Millisecond; own > wait {
				wait = own
			}
		}
	}
	return repeat, wait
}

var jitter = mathrand.New(mathrand.NewSource(time.Now().UnixNano()))

// send repeats the orders until none is left, or ends the program after `patience`.
func send(base string, orders []*order, single bool, patience time.Duration) {
	deadline := time.Now().Add(patience)
	for pause := pauseFirst; ; pause *= 2 {
		repeat, wait := attempt(base, orders, single)
		if len(repeat) == 0 {
			return
		}
		if pause > pauseMax {
			pause = pauseMax
		}
		wait += time.Duration(jitter.Int63n(int64(pause)))
		if time.Now().Add(wait).After(deadline) {
			for _, o := range repeat {
				o.giveUp()
			}
			os.Exit(exitCode)
		}
		fmt.Fprintf(os.Stderr, "again: %d orders in %.3f s: %s\n", len(repeat), wait.Seconds(), repeat[0].why)
		time.Sleep(wait)
		orders = repeat
	}
}

func main() {
	if len(os.Args) < 5 || len(os.Args) > 6 {
		fmt.Fprintln(os.Stderr, "usage: post_orders BASE_URL ACCOUNT ORDERS BATCH [SECONDS]")
		os.Exit(2)
	}
	numbers := []int{0, 0, 60}
	for i, text := range os.Args[3:] {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "post_orders: %s is not a number above 0\n", text)
			os.Exit(2)
		}
		numbers[i] = n
	}
	base, batch := strings.TrimRight(os.Args[1], "/"), numbers[1]
	orders := makeOrders(os.Args[2], numbers[0])
	for len(orders) > batch {
		send(base, orders[:batch], batch == 1, time.Duration(numbers[2])*time.Second)
		orders = orders[batch:]
	}
	send(base, orders, batch == 1, time.Duration(numbers[2])*time.Second)
	os.Exit(exitCode)
}
