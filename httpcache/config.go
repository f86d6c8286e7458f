package httpcache

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cacheops/cacheops"
)

// Config is how a site's responses are kept. A nil Config, like the zero one, is
// safe for pages that are the same for everybody who sends neither Cookie nor
// Authorization.
type Config struct {
	// TTL is how long a response is kept, however little changes; less where its
	// Cache-Control (s-maxage, max-age) or Expires says so. Zero: Config.TTL of the
	// cache.
	TTL time.Duration

	// MaxBytes bounds the body that is gathered and kept; a longer one passes
	// through. Zero: 1 MiB.
	MaxBytes int

	// Statuses are those of the responses that are kept: of 2xx, 3xx and 4xx, but
	// neither 206 nor 304. Nil: 200.
	Statuses []int

	// DependsOn, if not nil, says what the response to a request depends on, instead
	// of what its handler reads. Where it returns nothing the response is not kept.
	// It is called before the handler, whenever a response is made.
	DependsOn func(r *http.Request) []cacheops.Dependency

	// Headers are fields of the request that are part of the key, besides those that
	// always are: Accept, Accept-Encoding, Accept-Language, Origin, X-Requested-With
	// and X-Forwarded-Host, -Port, -Prefix and -Proto. Those that a response names in
	// Vary are so by themselves, from the second request for its path on; naming them
	// here saves the first.
	Headers []string

	// IgnoreHeaders are fields of the request that no response depends on if it does
	// not name them in Vary: X-Forwarded-For and X-Real-Ip behind a proxy,
	// Accept-Language in a site of one language. Requests with fields that are not
	// known are handed on. Authorization, Cookie and Proxy-Authorization cannot
	// be ignored; Scope is for them.
	IgnoreHeaders []string

	// IgnoreContext, if not nil, reports whether no response depends on the context
	// value of a key, though handlers ask for it: a logger, a request's number, what
	// [cacheops.Config.Partition] and sessions are made of. Keys that cannot be named
	// outside their package can be told by their type (%T). It must be quick, and safe
	// for concurrent use.
	IgnoreContext func(key any) bool

	// Scope, if not nil, says for whom a response is: everybody for whom it returns
	// the same gets the same. It then may have been made of Cookie, Authorization, a
	// client's certificate and any context values. Where ok is false the request is
	// handed on. It must be quick, and must not change the request. Where a database
	// is read in several sessions it must tell these apart as well.
	Scope func(r *http.Request) (scope string, ok bool)

	// SetCookies keeps responses with Set-Cookie too, where there is a Scope: all in
	// a scope get the cookie that one of them was given.
	SetCookies bool

	// Revalidated keeps responses with no-cache, or that end at once (max-age=0),
	// too. These ask caches to make sure before each use that nothing has changed,
	// which a hit here has done if all that the response depends on was captured.
	Revalidated bool

	// WithoutReads keeps also responses whose handler has read nothing from the
	// cache's databases. Without it a handler that forgets to hand on its request's
	// context is not kept, instead of kept for ever.
	WithoutReads bool

	// CacheStatus, if not empty, is the name under which each response says in a
	// Cache-Status field (RFC 9211) what became of it, and why it was not kept.
	CacheStatus string

	// OnError, if not nil, is told where the store failed to drop the pages of an
	// unsafe request's path. It may be called from many goroutines.
	OnError func(r *http.Request, err error)
}

const defaultMaxBytes = 1 << 20

func (c *Config) withDefaults() Config {
	var d Config
	if c != nil {
		d = *c
	}
	if d.MaxBytes == 0 {
		d.MaxBytes = defaultMaxBytes
	}
	if d.Statuses == nil {
		d.Statuses = []int{http.StatusOK}
	}
	d.Headers, d.IgnoreHeaders = canonical(d.Headers), canonical(d.IgnoreHeaders)
	return d
}

// canonical returns the names as they are in a header, in order.
func canonical(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, http.CanonicalHeaderKey(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *Config) validate() error {
	switch {
	case c.TTL < 0:
		return fmt.Errorf("httpcache: Config.TTL: %v is negative", c.TTL)
	case c.MaxBytes < 0:
		return fmt.Errorf("httpcache: Config.MaxBytes: %d is negative", c.MaxBytes)
	case c.SetCookies && c.Scope == nil:
		return errors.New("httpcache: Config.SetCookies needs a Scope")
	}
	for _, s := range c.Statuses {
		if s < 200 || s > 499 || s == http.StatusPartialContent || s == http.StatusNotModified {
			return fmt.Errorf("httpcache: Config.Statuses: %d cannot be kept", s)
		}
	}
	for _, n := range c.IgnoreHeaders {
		if personal[n] {
			return fmt.Errorf("httpcache: Config.IgnoreHeaders: %s says who asks; Config.Scope is for it", n)
		}
	}
	for _, n := range c.Headers {
		if personal[n] {
			return fmt.Errorf("httpcache: Config.Headers: %s says who asks; Config.Scope is for it", n)
		}
		if slices.Contains(c.IgnoreHeaders, n) {
			return fmt.Errorf("httpcache: Config.Headers: %s is in IgnoreHeaders as well", n)
		}
		if own[n] {
			return fmt.Errorf("httpcache: Config.Headers: %s is answered by the cache itself", n)
		}
	}
	return nil
}
