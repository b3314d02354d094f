package main

import (
	"context"
	"encoding/binary"
	"os"
	"sort"
	"sync"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

// job is an order that waits for its group; done gets the status.
type job struct {
	order *order
	done  chan int
}

type batched struct {
	pool *pgxpool.Pool
	in   chan *job
}

var jobs = sync.Pool{New: func() interface{} { return &job{done: make(chan int, 1)} }}

func newBatched(ctx context.Context, workers, most int) *batched {
	prepare := func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Prepare(ctx, "insert", os.Getenv("GROUP_INSERT"), nil)
		return err
	}
	b := &batched{connect(ctx, workers+2, prepare), make(chan *job, 65536)}
	for i := 0; i < workers; i++ {
		go b.work(ctx, most, workers > 1)
	}
	return b
}

func (b *batched) write(ctx context.Context, o *order) (int, *order) {
	j := jobs.Get().(*job)
	j.order = o
	b.in <- j
	status := <-j.done
	jobs.Put(j)
	if status == 200 { // it was there before, or came twice in this group
		return replay(ctx, b.pool, o)
	}
	return status, nil
}

// work writes what has queued up, and never waits for more.
func (b *batched) work(ctx context.Context, most int, sorted bool) {
	group, stored := make([]*job, 0, most), make(map[[16]byte]struct{}, most)
	var columns columns
	for first := range b.in {
		group = append(group[:0], first)
	more:
		for len(group) < most {
			select {
			case j := <-b.in:
				group = append(group, j)
			default:
				break more
			}
		}
		if sorted { // two groups that lock the same keys in different orders would block each other
			sort.Slice(group, func(i, k int) bool { return before(group[i].order, group[k].order) })
		}
		err := b.insert(ctx, columns.of(group), stored)
		for _, j := range group {
			status := 200
			if _, ok := stored[j.order.id]; ok {
				status = 201
			} else if err != nil {
				status = 503
			}
			j.done <- status
		}
	}
}

func before(a, b *order) bool {
	if a.AccountID != b.AccountID {
		return a.AccountID < b.AccountID
	}
	return a.ClientOrderID < b.ClientOrderID
}

// insert sets `stored` to the ids of the new rows, once they are committed.
func (b *batched) insert(ctx context.Context, values [][]byte, stored map[[16]byte]struct{}) error {
	for id := range stored {
		delete(stored, id)
	}
	binaries := []int16{1}
	var result *pgconn.Result
	err := b.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		result = conn.Conn().PgConn().ExecPrepared(ctx, "insert", values, binaries, binaries).Read()
		return result.Err
	})
	if err != nil {
		return err
	}
	for _, row := range result.Rows {
		var id [16]byte
		copy(id[:], row[0])
		stored[id] = struct{}{}
	}
	return nil
}

// columns are the thirteen parameters of the statement as binary arrays, whose memory is used again.
type columns [13][]byte

const (
	oidText, oidUUID, oidTimestamp = 25, 2950, 1184
	unixToPostgres                 = 946684800000000 // microseconds
)

func (c *columns) of(group []*job) [][]byte {
	for i := range c {
		oid := uint32(oidText)
		if i == 2 {
			oid = oidUUID
		} else if i == 11 {
			oid = oidTimestamp
		}
		c[i] = words(c[i][:0], 1, 1, oid, uint32(len(group)), 1)
	}
	for _, j := range group {
		o := j.order
		c.text(0, o.AccountID)
		c.text(1, o.ClientOrderID)
		c[2] = append(words(c[2], 16), o.id[:]...)
		c.text(3, o.Symbol)
		c.text(4, o.Side)
		c.text(5, o.Type)
		c.text(6, o.Quantity)
		c.maybe(7, o.LimitPrice)
		c.maybe(8, o.StopPrice)
		c.text(9, o.TimeInForce)
		c.maybe(10, nil)
		micros := uint64(o.received.UnixMicro() - unixToPostgres)
		c[11] = words(c[11], 8, uint32(micros>>32), uint32(micros))
		c.maybe(12, nil) // submitted_by: there are no keys
	}
	return c[:]
}

func (c *columns) text(column int, value string) {
	c[column] = append(words(c[column], uint32(len(value))), value...)
}

func (c *columns) maybe(column int, value *string) {
	if value == nil {
		c[column] = words(c[column], ^uint32(0))
	} else {
		c.text(column, *value)
	}
}

func words(out []byte, values ...uint32) []byte {
	for _, value := range values {
		out = binary.BigEndian.AppendUint32(out, value)
	}
	return out
}
