package blog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// Check tests a program on a cached database, which cached uses, against the same
// program on the bare one.
func Check(t *testing.T, cached, bare Articles) {
	t.Helper()
	c := &check{t, context.Background(), cached, bare}
	c.hits()
	c.control()
	c.transactions()
	c.random(uint64(time.Now().UnixNano()), 400)
}

type check struct {
	*testing.T
	ctx          context.Context
	cached, bare Articles
}

// read is a read of the program's; both programs must answer it alike.
type read struct {
	name string
	run  func(context.Context, Articles) (any, error)
}

func get(id int64) read {
	return read{fmt.Sprintf("Get(%d)", id), func(ctx context.Context, a Articles) (any, error) {
		got, err := a.Get(ctx, id)
		if got == nil {
			return nil, err
		}
		return *got, err
	}}
}

func byAuthor(author int64) read {
	return read{fmt.Sprintf("ByAuthor(%d)", author), func(ctx context.Context, a Articles) (any, error) {
		got, err := a.ByAuthor(ctx, author)
		return append([]Article{}, got...), err
	}}
}

func count(category int64) read {
	return read{fmt.Sprintf("Count(%d)", category), func(ctx context.Context, a Articles) (any, error) { return a.Count(ctx, category) }}
}

func tagged(tag string) read {
	return read{fmt.Sprintf("Tagged(%q)", tag), func(ctx context.Context, a Articles) (any, error) {
		got, err := a.Tagged(ctx, tag)
		return append([]Article{}, got...), err
	}}
}

// same runs a read in both programs, and says whether it was a hit.
func (c *check) same(r read) (hit bool) {
	c.Helper()
	return c.sameIn(c.ctx, cacheops.Call{}, r)
}

func (c *check) sameIn(ctx context.Context, call cacheops.Call, r read) (hit bool) {
	c.Helper()
	var report cacheops.Report
	call.Report = &report
	got, err := r.run(cacheops.With(ctx, call), c.cached)
	want, bareErr := r.run(ctx, c.bare)
	if err != nil || bareErr != nil || !reflect.DeepEqual(got, want) {
		c.Fatalf("%s: the cached program says %v, %v, the bare one %v, %v", r.name, got, err, want, bareErr)
	}
	return report.Hit
}

// is checks which of the reads are hits.
func (c *check) is(hit bool, when string, reads ...read) {
	c.Helper()
	for _, r := range reads {
		if c.same(r) != hit {
			c.Errorf("%s: %s is a hit: %v", when, r.name, !hit)
		}
	}
}

func (c *check) warm(reads ...read) {
	c.Helper()
	for _, r := range reads {
		c.same(r)
	}
	c.is(true, "the second time", reads...)
}

func (c *check) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *check) add(a Article) int64 {
	c.Helper()
	id, err := c.cached.Add(c.ctx, a)
	c.must(err)
	if id == 0 {
		c.Fatal("an article was added without an id")
	}
	return id
}

// hits: what is read twice comes from the cache, and a write drops what it changes
// and nothing else.
func (c *check) hits() {
	one, two := c.add(Article{Author: 1, Category: 1, Title: "one"}), c.add(Article{Author: 2, Category: 2, Title: "two"})
	ones, twos := []read{get(one), byAuthor(1)}, []read{get(two), byAuthor(2)}
	all := append(append([]read{count(1), count(2), tagged("x")}, ones...), twos...)
	c.warm(all...)

	c.must(c.cached.Retitle(c.ctx, one, "uno"))
	c.is(false, "after another title", ones...)
	c.is(true, "after another's title", append(twos, count(1), count(2))...)
	c.warm(all...)

	c.must(c.cached.Read(c.ctx, two))
	c.is(false, "after a view", get(two))
	c.is(true, "after another's view", get(one), count(1), count(2))
	c.warm(all...)

	c.must(c.cached.Tag(c.ctx, one, "x"))
	c.is(false, "after a tag", tagged("x"))
	c.is(true, "after a tag", append(twos, get(one))...)
	c.warm(all...)

	c.must(c.cached.Move(c.ctx, 1, 3))
	c.is(false, "after a move", count(1), byAuthor(1))
	c.is(true, "after another's move", byAuthor(2)) // of the moved rows the author alone is known
	c.warm(all...)

	c.must(c.cached.Remove(c.ctx, one))
	c.is(false, "after a removal", get(one), byAuthor(1), tagged("x"))
	c.is(true, "after another's removal", append(twos, count(2))...)
	c.warm(append(all, get(99))...)
}

// control: the context says how one call is cached.
func (c *check) control() {
	r := byAuthor(2)
	c.warm(r)
	got, err := r.run(cacheops.NoCache(c.ctx), c.cached)
	if want, _ := r.run(c.ctx, c.bare); err != nil || !reflect.DeepEqual(got, want) {
		c.Errorf("NoCache: %v, %v", got, err)
	}
	if c.sameIn(c.ctx, cacheops.Call{WriteOnly: true}, r) || c.sameIn(c.ctx, cacheops.Call{Ops: cacheops.Count}, r) ||
		c.sameIn(c.ctx, cacheops.Call{Extra: "another"}, r) {
		c.Error("what the context says is not heeded")
	}
	c.is(true, "afterwards", r)
}

var errRollback = errors.New("roll back")

// transactions: one sees its own writes, and nobody else does before it commits.
func (c *check) transactions() {
	id := c.add(Article{Author: 3, Category: 5, Title: "before"})
	reads := []read{get(id), byAuthor(3), count(5)}
	for _, end := range []error{errRollback, nil} {
		c.warm(reads...)
		err := c.cached.Tx(c.ctx, func(tx Articles) error {
			if err := tx.Retitle(c.ctx, id, "within"); err != nil {
				return err
			}
			a, err := tx.Get(c.ctx, id)
			if err != nil || a.Title != "within" {
				return fmt.Errorf("a transaction reads %v of its own, %w", a, err)
			}
			return end
		})
		if !errors.Is(err, end) || end == nil && err != nil {
			c.Fatal(err)
		}
		c.is(end != nil, fmt.Sprintf("after a transaction's end (%v)", end), get(id))
	}
}

// random runs a program of steps that nobody has thought of.
func (c *check) random(seed uint64, steps int) {
	c.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // no secret
	var ids []int64
	id := func() int64 {
		if len(ids) == 0 || r.IntN(8) == 0 {
			return r.Int64N(50)
		}
		return ids[r.IntN(len(ids))]
	}
	tags := []string{"x", "y", "it's -- /* cacheops: off */"}
	hits := 0
	for range steps {
		reads := []read{get(id()), byAuthor(r.Int64N(5)), count(r.Int64N(5)), tagged(tags[r.IntN(len(tags))])}
		if r.IntN(3) > 0 {
			if c.same(reads[r.IntN(len(reads))]) {
				hits++
			}
			continue
		}
		write := func(a Articles) error {
			switch r.IntN(7) {
			case 0:
				return a.Retitle(c.ctx, id(), fmt.Sprint("title ", r.IntN(9)))
			case 1:
				return a.Read(c.ctx, id())
			case 2:
				return a.Move(c.ctx, r.Int64N(4), r.Int64N(5))
			case 3:
				if len(ids) == 0 {
					return nil
				}
				return a.Tag(c.ctx, ids[r.IntN(len(ids))], tags[r.IntN(len(tags))])
			default:
				got, err := a.Add(c.ctx, Article{Author: 1 + r.Int64N(3), Category: r.Int64N(5), Title: "new"})
				ids = append(ids, got)
				return err
			}
		}
		switch had := len(ids); r.IntN(6) {
		case 0:
			if had > 0 {
				i := r.IntN(had)
				c.must(c.cached.Remove(c.ctx, ids[i]))
				ids = append(ids[:i], ids[i+1:]...)
			}
		case 1, 2:
			end := []error{nil, errRollback}[r.IntN(2)]
			err := c.cached.Tx(c.ctx, func(tx Articles) error { return errors.Join(write(tx), write(tx), end) })
			if !errors.Is(err, end) || end == nil && err != nil {
				c.Fatal(err)
			}
			if end != nil {
				ids = ids[:had]
			}
		default:
			c.must(write(c.cached))
		}
		for _, r := range reads {
			c.same(r)
		}
	}
	if hits == 0 {
		c.Error("the random program had no hit: it proves nothing")
	}
}

// Off tests a read whose hint says off.
func Off(t *testing.T, run func(context.Context) (any, error)) {
	t.Helper()
	for range 3 {
		var report cacheops.Report
		_, err := run(cacheops.With(context.Background(), cacheops.Call{Report: &report}))
		if err != nil || report.Why != "a hint says off" {
			t.Errorf("a read with a hint: %+v, %v", report, err)
		}
	}
}
