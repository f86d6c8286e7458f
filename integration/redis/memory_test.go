package redis

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

var flagEntries = flag.Int("entries", 10_000, "distinct reads that TestMemory and TestNothingStays cache; 1,000,000 take half an hour")

// entries is how many.
func entries() int {
	if testing.Short() {
		return *flagEntries / 10
	}
	return *flagEntries
}

// TestMemory caches many distinct reads by key and says what they take in Redis.
// Every key there has an end.
func TestMemory(t *testing.T) {
	n := entries()
	srv := redistest.Start(t, nil)
	w := newWorld(t, n)
	p := w.process(srv.URL(), redisstore.Options{LocalBytes: -1, Timeout: time.Second}, cacheops.Config{})
	p.warm(1)
	empty, err := srv.UsedMemory()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p.readAll(n)
	took := time.Since(began)
	keys, sizes, err := census(srv)
	if err != nil {
		t.Fatal(err)
	}
	// On a busy machine a few of a million fills are refused for want of time.
	for tries := 0; keys["entry"] < n && tries < 3; tries++ {
		p.readAll(n)
		if keys, sizes, err = census(srv); err != nil {
			t.Fatal(err)
		}
	}
	full, err := srv.UsedMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d reads in %v; %d bytes an entry with its stamps, %.2f keys an entry", n, took.Round(time.Millisecond), (full-empty)/int64(n), float64(keys.all())/float64(n))
	for kind, c := range keys {
		t.Logf("%-7s %d keys, MEMORY USAGE of one: %d bytes", kind, c, sizes[kind])
	}
	if keys["entry"] < n {
		t.Errorf("%d entries of %d reads", keys["entry"], n)
	}
	if keys["state"] > 2 {
		t.Errorf("%d tables", keys["state"])
	}
}

// readAll reads every item, by a few goroutines, so that each is cached.
func (p *process) readAll(n int) {
	var next atomic.Int64
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				var got int
				if err := p.db.QueryRowContext(p.Context(), "SELECT n FROM items WHERE id = ?", i).Scan(&got); err != nil {
					p.Error(err)
					return
				}
			}
		})
	}
	readers.Wait()
}

// kinds counts keys by what they are.
type kinds map[string]int

func (k kinds) all() (n int) {
	for _, c := range k {
		n += c
	}
	return n
}

// census counts the keys by what they are, and says how large one of each is. It
// fails if a key has no end.
func census(srv *redistest.Server) (keys kinds, sizes map[string]int64, err error) {
	keys, sizes = make(kinds), make(map[string]int64)
	names := map[string]string{"t": "state", "e": "own stamp", "s": "stamp", "v": "entry"}
	cursor := "0"
	for {
		v, err := srv.Do("EVAL", `local r = redis.call('SCAN', ARGV[1], 'COUNT', 5000)
			for _, k in ipairs(r[2]) do if redis.call('PTTL', k) == -1 then return redis.error_reply('no end: ' .. k) end end
			return r`, 0, cursor)
		if err != nil {
			return nil, nil, err
		}
		r := v.([]any)
		for _, k := range r[1].([]any) {
			name := names[strings.TrimPrefix(k.(string), "cacheops:")[:1]]
			keys[name]++
			if keys[name] == 1 {
				if sizes[name], err = srv.Int("MEMORY", "USAGE", k); err != nil {
					return nil, nil, err
				}
			}
		}
		if cursor = fmt.Sprint(r[0]); cursor == "0" {
			return keys, sizes, nil
		}
	}
}

// TestNothingStays: what was cached and written has gone from Redis when its time
// is over. Time is made to run faster by moving the end of each key as much nearer
// as an hour is longer than a second; a key that has no end would stay.
func TestNothingStays(t *testing.T) {
	const faster = 3600
	rows := entries()
	srv := redistest.Start(t, nil)
	w := newWorld(t, rows)
	p := w.process(srv.URL(), redisstore.Options{LocalBytes: -1, Timeout: time.Second}, cacheops.Config{})
	p.warm(1)
	p.readAll(rows)
	for i := range 20 {
		if err := p.write(1+i, i); err != nil {
			t.Fatal(err)
		}
	}
	p.readAll(rows)
	p.close()
	for _, pattern := range []string{"cacheops:[esv]*", "cacheops:t*"} {
		n, err := hasten(srv, pattern, faster)
		if err != nil || n == 0 {
			t.Fatalf("%d keys, %v", n, err)
		}
		t.Logf("%s: %d keys", pattern, n)
		if pattern == "cacheops:t*" { // the state of an unused table is kept for days
			if _, err := hasten(srv, pattern, faster); err != nil {
				t.Fatal(err)
			}
		}
		w.eventually("be empty", func() bool {
			left, err := hasten(srv, pattern, 1)
			return err == nil && left == 0
		})
	}
	w.eventually("have no key left", func() bool { // counting those whose time is over
		n, err := srv.Int("DBSIZE")
		return err == nil && n == 0
	})
}

// hasten moves the ends of the keys that a pattern matches, so many times nearer,
// and returns how many there are; one that has no end is left alone.
func hasten(srv *redistest.Server, pattern string, times int) (n int, err error) {
	const script = `local r = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
		for _, k in ipairs(r[2]) do
			local left = redis.call('PTTL', k)
			if left > 0 and ARGV[3] ~= '1' then redis.call('PEXPIRE', k, math.ceil(left / ARGV[3])) end
		end
		return {r[1], #r[2]}`
	for cursor := "0"; ; {
		v, err := srv.Do("EVAL", script, 0, cursor, pattern, times)
		if err != nil {
			return n, err
		}
		r := v.([]any)
		n += int(r[1].(int64))
		if cursor = fmt.Sprint(r[0]); cursor == "0" {
			return n, nil
		}
	}
}
