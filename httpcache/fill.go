package httpcache

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/cacheops/cacheops"
)

// A page is made by two goroutines. The request's runs the handler, as without a
// cache: what is pooled by request, panics and stacks stay as they are, and the
// handler never outlives its request. Another one is in the call of the site's
// function, which has others wait for its end; so that it can end, and they go
// their way, as soon as the response is known not to be kept, which with one that
// streams is long before the handler returns.

// making is what the two have in common.
type making struct {
	start   chan context.Context // under which the handler is to read
	settled chan struct{}        // closed when page and err are there
	once    sync.Once
	page    page
	err     error
}

type visitKey struct{}

func (v *visit) in(ctx context.Context) context.Context { return context.WithValue(ctx, visitKey{}, v) }

func visitIn(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

func dependencies(ctx context.Context) []cacheops.Dependency {
	if v := visitIn(ctx); v != nil {
		return v.deps
	}
	return nil
}

func scopeIn(ctx context.Context) (string, bool) {
	if v := visitIn(ctx); v != nil {
		return v.scope, true
	}
	return "", false
}

// errPassed ends the call of those who wait for a page that is not kept, and
// errAgain of those who may still get one that is.
var (
	errPassed = errors.New("httpcache: the response is not kept")
	errAgain  = errors.New("httpcache: the response is not kept, but the next one may be")
)

func (v *visit) settle(p page, err error) {
	v.once.Do(func() {
		v.page, v.err = p, err
		close(v.settled)
	})
}

// produce is the site's function: it has the request's goroutine run the handler.
func (s *Site) produce(ctx context.Context, v *visit) (page, error) {
	if s.cfg.DependsOn == nil {
		if err := cacheops.Depend(ctx, v.place); err != nil {
			return page{}, err
		}
	}
	select {
	case v.start <- ctx:
	default:
		return page{}, errAgain // it runs already
	}
	<-v.settled
	return v.page, v.err
}

// called is how a call of the site's function has ended.
type called struct {
	page     page
	err      error
	panicked any
}

// tries bounds how often a request waits for others' responses.
const tries = 3

// fill answers a request whose page is not kept.
func (s *Site) fill(w http.ResponseWriter, r *http.Request, next http.Handler, v *visit) {
	v.place = s.pages.Result(placeKey(placeOf(r)))
	if s.cfg.DependsOn != nil {
		if v.deps = s.cfg.DependsOn(r); len(v.deps) == 0 {
			s.handOn(w, r, next, "it is not said what the response depends on")
			return
		}
		v.deps = append(v.deps[:len(v.deps):len(v.deps)], v.place)
	}
	for range tries {
		mine, end := s.try(w, r, next, v)
		switch {
		case mine:
			return
		case end.panicked != nil:
			panic(end.panicked)
		case end.err == nil:
			s.note(w, "hit", "")
			w.Header()["Age"] = []string{seconds10(end.page.age(time.Now()))}
			end.page.serve(w, r)
			return
		case !errors.Is(end.err, errAgain) || r.Context().Err() != nil:
			s.handOn(w, r, next, "another request's response was not kept")
			return
		}
		again := s.visit(r) // what its responses vary on may be known by now
		again.scope, again.deps, again.place = v.scope, v.deps, v.place
		v = again
	}
	s.handOn(w, r, next, "other requests' responses were not kept")
}

// try runs the handler, if it falls to this request to do so, or waits for whom it
// falls to.
func (s *Site) try(w http.ResponseWriter, r *http.Request, next http.Handler, v *visit) (mine bool, end called) {
	v.making = making{start: make(chan context.Context, 1), settled: make(chan struct{})}
	done := make(chan called, 1)
	go func() {
		var end called
		defer func() { done <- end }()
		defer func() { end.panicked = recover() }() // what the configuration's functions do
		end.page, end.err = s.pages.Call(v.in(r.Context()), v)
	}()
	select {
	case ctx := <-v.start:
		s.run(w, r, next, v, ctx, done)
		return true, end
	case end = <-done:
	}
	// The call may have given up, with its request, when the function had begun.
	v.settle(page{}, errAgain)
	return false, end
}

// run runs the handler and answers with what it has made.
func (s *Site) run(w http.ResponseWriter, r *http.Request, next http.Handler, v *visit, ctx context.Context, done <-chan called) { //nolint:revive // ctx is the function's, not this one's
	c := s.context(r, ctx)
	rec := newRecorder(w)
	j := &judge{site: s, visit: v, at: placeOf(r), ctx: c, own: ctx, begun: time.Now()}
	j.reads, _ = cacheops.Captured(ctx)
	rec.limit, rec.judge = s.cfg.MaxBytes, j.header
	rec.onPass = func(v verdict) {
		if s.cfg.CacheStatus != "" {
			rec.head().Add("Cache-Status", s.status("fwd=uri-miss", v.why))
		}
		j.passes(v)
	}
	returned := false
	defer func() {
		if !returned {
			rec.pass(verdict{why: "the handler panicked", err: errAgain})
			<-done
		}
	}()
	inner := s.gathering(r, c)
	next.ServeHTTP(rec.writer(), inner)
	returned = true
	r.Pattern = inner.Pattern
	p, not := rec.finish(j)
	if p == nil {
		rec.pass(not)
		<-done
		return
	}
	if not.err != nil {
		j.passes(not)
	} else {
		v.settle(*p, nil)
	}
	<-done
	restore(w.Header(), rec.base)
	s.note(w, "fwd=uri-miss", not.why)
	if len(rec.sent["Age"]) > 0 { // it comes from a cache itself
		w.Header()["Age"] = []string{seconds10(p.age(time.Now()))}
	}
	p.serve(w, r)
}

// gathering returns the request that a handler sees whose response is gathered.
func (*Site) gathering(r *http.Request, ctx context.Context) *http.Request { //nolint:revive // a request comes before its context
	inner := r.WithContext(ctx)
	for _, name := range conditional {
		if _, ok := r.Header[name]; ok {
			inner.Header = r.Header.Clone()
			for _, n := range conditional {
				delete(inner.Header, n)
			}
			break
		}
	}
	return inner
}
