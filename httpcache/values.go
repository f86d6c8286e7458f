package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"
)

// values is the context of a handler whose response is gathered: the request's,
// with the cache's own values from the function that has it run. It notices which
// values the handler asks it for: the key does not hold what a middleware puts
// there, a user's name perhaps. One that is not there counts like any other. The
// next request may have it, and must not get the page of one that had not.
type values struct {
	context.Context // the request's
	// function is the context of the function; nil when what is read is no longer of
	// interest to it.
	function atomic.Pointer[context.Context]
	ignores  func(key any) bool
	taken    atomic.Pointer[string] // the type of a key that was asked for
}

func (s *Site) context(r *http.Request, function context.Context) *values { //nolint:revive // it is not this one's
	c := &values{Context: r.Context(), ignores: s.cfg.IgnoreContext}
	if s.cfg.Scope != nil {
		c.ignores = func(any) bool { return true }
	}
	c.function.Store(&function)
	return c
}

// Value implements [context.Context].
func (c *values) Value(key any) any {
	path := packageOf(key)
	if path == corePath {
		if f := c.function.Load(); f != nil {
			return (*f).Value(key)
		}
		return c.Context.Value(key)
	}
	v := c.Context.Value(key)
	if key == cancelKey || harmless(path, v) || c.ignores != nil && c.ignores(key) {
		return v
	}
	name := fmt.Sprintf("%T", key)
	c.taken.CompareAndSwap(nil, &name)
	return v
}

// strange names the type of a key by which a value was taken, empty if none was.
func (c *values) strange() string {
	if name := c.taken.Load(); name != nil {
		return *name
	}
	return ""
}

// leave parts the handler from the function.
func (c *values) leave() { c.function.Store(nil) }

func packageOf(v any) string {
	t := reflect.TypeOf(v)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	return t.PkgPath()
}

// harmless reports whether the keys of a package are for what is the same for all
// requests with one key (the server, the route), or is only written elsewhere
// (traces, profiles, logs).
func harmless(path string, v any) bool {
	switch path {
	case "net/http", "net/http/httptrace", "runtime/pprof", "github.com/go-chi/chi/v5",
		"go.opentelemetry.io/otel/trace", "github.com/rs/zerolog",
		corePath + "/httpcache", corePath + "/sqlcache", corePath + "/pgxcache", corePath + "/gormcache",
		corePath + "/internal/page", corePath + "/templcache": // of templates' pages and fragments
		return true
	case "github.com/a-h/templ": // a nonce is in there where a middleware makes one
		return v == nil
	}
	return false
}

const corePath = "github.com/cacheops/cacheops"

// cancelKey is what package context asks a context for to find out whether it is
// one of its own.
var cancelKey = func() any {
	var p probe
	_ = context.Cause(&p)
	return p.key
}()

type probe struct {
	key any
}

func (*probe) Deadline() (at time.Time, ok bool) { return at, false }
func (*probe) Done() <-chan struct{}             { return nil }
func (*probe) Err() error                        { return context.Canceled }

func (p *probe) Value(key any) any {
	p.key = key
	return nil
}
