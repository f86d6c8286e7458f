package functions

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

var (
	seed     = flag.Uint64("functions.seed", 0, "of the random programs; zero for a fresh one")
	duration = flag.Duration("functions.duration", 2*time.Second, "how long each test of random programs runs")
)

func source(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-functions.seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// query is a read with random parts.
type query struct {
	text string
	args []any
}

func randomQuery(r *rand.Rand) query {
	kind, id := r.IntN(3)+1, r.IntN(6)+1
	switch r.IntN(7) {
	case 0:
		return query{"SELECT coalesce(sum(n), 0) FROM item WHERE kind = $1", []any{kind}}
	case 1:
		return query{"SELECT coalesce(max(n), 0) FROM item WHERE id = $1", []any{id}}
	case 2:
		return query{"SELECT count(*) FROM item WHERE n > $1", []any{r.IntN(60)}}
	case 3:
		return query{"SELECT count(*) FROM item", nil}
	case 4:
		return query{"SELECT coalesce(sum(a.n), 0) FROM item a JOIN item b ON a.kind = b.kind WHERE b.id = $1", []any{id}}
	case 5:
		return query{"SELECT coalesce(min(kind), -1) FROM item WHERE id IN ($1, $2)", []any{id, id + 1}}
	default:
		return query{"SELECT coalesce(min(n), -1) FROM item WHERE kind = $1 AND n < $2", []any{kind, r.IntN(60)}}
	}
}

// node is a function of a random program: what it reads, what it calls, and how.
type node struct {
	reads  []query
	calls  []*node
	aside  bool // on goroutines
	plain  bool // its reads under NoCache, and so not kept
	lost   bool // it does not hand on its context
	branch bool // it reads on only where what it read first is even
	part   bool // it is a fragment of a template
	call   func(ctx context.Context, arg int) ([]int64, error)
}

// program makes functions of which each calls some of those before it.
func (w *world) program(r *rand.Rand, rules string) []*node {
	nodes := make([]*node, 3+r.IntN(6))
	for i := range nodes {
		n := &node{aside: r.IntN(3) == 0, plain: r.IntN(12) == 0, lost: r.IntN(12) == 0, branch: r.IntN(3) == 0, part: r.IntN(4) == 0}
		for range 1 + r.IntN(3) {
			q := randomQuery(r)
			n.reads = append(n.reads, query{w.text(q.text), q.args})
		}
		for range r.IntN(3) {
			if i > 0 {
				n.calls = append(n.calls, nodes[r.IntN(i)])
			}
		}
		var opts []cacheops.Option
		if r.IntN(4) == 0 {
			opts = append(opts, cacheops.DependsOn(cacheops.Table("item")))
		}
		n.call = w.cached(n, fmt.Sprint(rules, i), opts)
		nodes[i] = n
	}
	return nodes
}

// cached makes a function or a fragment of a node.
func (w *world) cached(n *node, name string, opts []cacheops.Option) func(context.Context, int) ([]int64, error) {
	eval := func(ctx context.Context, arg int) ([]int64, error) {
		return n.eval(ctx, w.db, arg, func(ctx context.Context, other *node, arg int) ([]int64, error) { return other.call(ctx, arg) })
	}
	if !n.part {
		return cacheops.NewFunc(w.cache, name, eval, opts...).Call
	}
	return func(ctx context.Context, arg int) (out []int64, err error) {
		text, err := w.cache.Fragment(ctx, cacheops.Fragment{Template: name, Extra: []any{arg}}, func(ctx context.Context, b *strings.Builder) error {
			got, err := eval(ctx, arg)
			if err != nil {
				return err
			}
			return json.NewEncoder(b).Encode(got)
		}, opts...)
		if err != nil {
			return nil, err
		}
		return out, json.Unmarshal([]byte(text), &out)
	}
}

type callNode func(ctx context.Context, n *node, arg int) ([]int64, error)

// bare evaluates a function without any cache.
func (w *world) bareEval(ctx context.Context, n *node, arg int) ([]int64, error) {
	return n.eval(ctx, w.bare, arg, w.bareEval)
}

func (n *node) eval(ctx context.Context, on querier, arg int, call callNode) ([]int64, error) {
	if n.lost {
		ctx = context.Background()
	}
	if n.plain {
		ctx = cacheops.NoCache(ctx)
	}
	out := make([]int64, len(n.reads)+len(n.calls))
	errs := make([]error, len(out))
	var wg sync.WaitGroup
	part := func(i int) {
		if i < len(n.reads) {
			out[i], errs[i] = number(ctx, on, n.reads[i].text, n.reads[i].args...)
			out[i] += int64(arg)
			return
		}
		inner, err := call(ctx, n.calls[i-len(n.reads)], arg)
		for _, v := range inner {
			out[i] = out[i]*31 + v
		}
		errs[i] = err
	}
	for i := range out {
		switch {
		case n.branch && i > 0 && out[0]%2 != 0:
		case n.aside && !n.branch:
			wg.Go(func() { part(i) })
		default:
			part(i)
		}
	}
	wg.Wait()
	return out, errors.Join(errs...)
}

// write does something random to the items.
func (w *world) write(ctx context.Context, r *rand.Rand) error {
	id, kind, n := r.IntN(7)+1, r.IntN(3)+1, r.IntN(60)
	var text string
	var args []any
	switch r.IntN(6) {
	case 0:
		text, args = "INSERT INTO item VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", []any{id, kind, n}
	case 1:
		text, args = "DELETE FROM item WHERE id = $1", []any{id}
	case 2:
		text, args = "UPDATE item SET kind = $1 WHERE id = $2", []any{kind, id}
	case 3:
		text, args = "UPDATE item SET n = n + 1 WHERE kind = $1", []any{kind}
	default:
		text, args = "UPDATE item SET n = $1 WHERE id = $2", []any{n, id}
	}
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, w.text(text), args...)
	if err == nil && r.IntN(5) > 0 {
		return tx.Commit()
	}
	return errors.Join(err, tx.Rollback())
}

// worlds are the databases and the stores that functions are tried on.
var worlds = []struct {
	name string
	open func(testing.TB) *world
}{
	{"sqlite, memory", func(t testing.TB) *world { return newWorld(t, memory(t), nil) }},
	{"sqlite, redis", func(t testing.TB) *world { return newWorld(t, redis(t), nil) }},
	{"postgres, memory", func(t testing.TB) *world { return postgres(t, memory(t)) }},
	{"postgres, redis", func(t testing.TB) *world { return postgres(t, redis(t)) }},
	{"mysql, memory", func(t testing.TB) *world { return mysql(t, memory(t)) }},
	{"mysql, redis", func(t testing.TB) *world { return mysql(t, redis(t)) }},
}

// A cached function equals a fresh call, always: random functions that call each
// other, and writes between their calls.
func TestFunctionsEqualFreshCalls(t *testing.T) {
	for _, c := range worlds {
		t.Run(c.name, func(t *testing.T) {
			r, hits := source(t), uint64(0)
			for end := time.Now().Add(*duration); time.Now().Before(end); {
				w := c.open(t)
				nodes := w.program(r, "f")
				for step := range 150 {
					if r.IntN(4) == 0 {
						if err := w.write(t.Context(), r); err != nil {
							t.Fatal(err)
						}
						continue
					}
					n, arg := nodes[r.IntN(len(nodes))], r.IntN(2)
					got, err := n.call(t.Context(), arg)
					if err != nil {
						t.Fatal(err)
					}
					want, err := w.bareEval(t.Context(), n, arg)
					if err != nil {
						t.Fatal(err)
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("step %d: the cache says %v, a fresh call %v\n%s", step, got, want, n.show(0))
					}
				}
				for _, f := range w.cache.Stats().Functions {
					hits += f.Hits
				}
			}
			if hits == 0 {
				t.Error("there was no hit to judge")
			}
			t.Logf("%d hits", hits)
		})
	}
}

func (n *node) show(depth int) string {
	pad := strings.Repeat("  ", depth)
	out := fmt.Sprintf("%saside %v, plain %v, lost %v, branch %v\n", pad, n.aside, n.plain, n.lost, n.branch)
	for _, q := range n.reads {
		out += fmt.Sprintf("%s  %s %v\n", pad, q.text, q.args)
	}
	for _, c := range n.calls {
		out += c.show(depth + 1)
	}
	return out
}

// Counters that only grow, and functions of sums of them, while writers are at
// work: no call returns less than was committed before it, nor more than was sent
// before it returned.
func TestFunctionsAmongWriters(t *testing.T) {
	for _, c := range worlds {
		t.Run(c.name, func(t *testing.T) { raceFunctions(t, c.open(t)) })
	}
}

// tally is what is known of the counters from outside.
type tally struct {
	mu              sync.Mutex
	sent, committed [5]int64
}

func (s *tally) add(to *[5]int64, id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to[id]++
}

func (s *tally) of(from *[5]int64) [5]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *from
}

func raceFunctions(t *testing.T, w *world) {
	r := source(t)
	w.exec(t.Context(), "UPDATE item SET n = 0")
	one := cacheops.NewFunc(w.cache, "one", func(ctx context.Context, id int) (int64, error) {
		return number(ctx, w.db, w.text("SELECT n FROM item WHERE id = $1"), id)
	})
	both := cacheops.NewFunc(w.cache, "both", func(ctx context.Context, kind int) ([]int64, error) {
		a, err := one.Call(ctx, 2*kind-1)
		if err != nil {
			return nil, err
		}
		b, err := one.Call(ctx, 2*kind)
		return []int64{a, b}, err
	})
	sums := cacheops.NewFunc(w.cache, "sums", func(ctx context.Context, _ int) ([]int64, error) {
		a, err := both.Call(ctx, 1)
		if err != nil {
			return nil, err
		}
		n, err := number(ctx, w.db, "SELECT n FROM item WHERE id = 3")
		if err != nil {
			return nil, err
		}
		m, err := number(cacheops.With(ctx, cacheops.Call{Extra: "x"}), w.db, "SELECT max(n) FROM item WHERE id = 4")
		return append(a, n, m), err
	})
	var s tally
	ctx, cancel := context.WithTimeout(t.Context(), *duration)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		mine := rand.New(rand.NewPCG(r.Uint64(), 1))
		wg.Go(func() {
			for ctx.Err() == nil {
				id := mine.IntN(4) + 1
				s.add(&s.sent, id)
				if _, err := w.db.ExecContext(t.Context(), w.text("UPDATE item SET n = n + 1 WHERE id = $1"), id); err != nil {
					t.Errorf("write: %v", err)
					return
				}
				s.add(&s.committed, id)
				time.Sleep(time.Duration(mine.IntN(4)) * time.Millisecond)
			}
		})
	}
	for range 6 {
		mine := rand.New(rand.NewPCG(r.Uint64(), 2))
		wg.Go(func() {
			for ctx.Err() == nil {
				before := s.of(&s.committed)
				var got []int64
				var err error
				first := 1
				if kind := mine.IntN(3); kind > 0 {
					got, err = both.Call(t.Context(), kind)
					first = 2*kind - 1
				} else {
					got, err = sums.Call(t.Context(), 0)
				}
				if err != nil {
					t.Errorf("call: %v", err)
					return
				}
				after := s.of(&s.sent)
				for i, n := range got {
					if id := first + i; n < before[id] || n > after[id] {
						t.Errorf("item %d: %d, but %d were committed before the call and %d sent before its end", id, n, before[id], after[id])
						return
					}
				}
			}
		})
	}
	wg.Wait()
	hits := uint64(0)
	for _, f := range w.cache.Stats().Functions {
		hits += f.Hits
	}
	if hits == 0 {
		t.Error("there was no hit to judge")
	}
	t.Logf("%d hits, %v", hits, w.cache.Stats().Functions)
}
