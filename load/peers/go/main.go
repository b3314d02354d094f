// Peer of ordersd: Go's net/http and pgx, as a good team would write the service in a day. It answers after the commit.
//
// PEER=single    one INSERT a request, over a pool
// PEER=batched   requests are collected, and a few workers write what has queued up by ordersd's own statement
//
// Environment: DATABASE_URL, LISTEN (host:port), POOL_MAX (single), WORKERS and GROUP_MAX (batched), GROUP_INSERT (the
// statement, as `bare_statement --print-sql` has it), and Go's own GOMAXPROCS and GOGC.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

// writer stores one order and returns the status of its answer. `found` is the stored order of a replay.
type writer interface {
	write(ctx context.Context, o *order) (status int, found *order)
}

func setting(name string, fallback int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return fallback
}

func connect(ctx context.Context, conns int, prepare func(context.Context, *pgx.Conn) error) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MaxConns = int32(conns)
	config.AfterConnect = prepare
	pool, err := pgxpool.ConnectConfig(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	return pool
}

var buffers = sync.Pool{New: func() interface{} { b := make([]byte, 0, 1024); return &b }}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"title": why})
}

func readBody(r *http.Request, into []byte) ([]byte, error) {
	for {
		n, err := r.Body.Read(into[len(into):cap(into)])
		into = into[:len(into)+n]
		if err == io.EOF {
			return into, nil
		}
		if err != nil || len(into) == 64<<10 {
			return into, io.ErrShortBuffer
		}
		if len(into) == cap(into) {
			into = append(into, 0)[:len(into)]
		}
	}
}

func post(store writer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			refuse(w, 405, "POST is wanted")
			return
		}
		buffer := buffers.Get().(*[]byte)
		defer buffers.Put(buffer)
		body, err := readBody(r, (*buffer)[:0])
		*buffer = body
		if err != nil {
			refuse(w, 413, "an order has at most 64 KiB")
			return
		}
		o := new(order)
		if err := o.parse(body); err != nil {
			refuse(w, 422, err.Error())
			return
		}
		status, found := store.write(r.Context(), o)
		switch status {
		case 201:
			found = o
		case 200:
		case 422:
			refuse(w, 422, "client_order_id was used for another order")
			return
		default:
			refuse(w, 503, "the database does not answer")
			return
		}
		*buffer = found.render((*buffer)[:0], status == 200)
		w.Header()["Content-Type"] = jsonType
		w.Header().Set("Content-Length", strconv.Itoa(len(*buffer)))
		w.WriteHeader(status)
		_, _ = w.Write(*buffer)
	}
}

var jsonType = []string{"application/json"}

func main() {
	ctx := context.Background()
	var store writer
	if os.Getenv("PEER") == "batched" {
		store = newBatched(ctx, setting("WORKERS", 2), setting("GROUP_MAX", 512))
	} else {
		store = newSingle(ctx, setting("POOL_MAX", 16))
	}
	http.HandleFunc("/v1/orders", post(store))
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}
