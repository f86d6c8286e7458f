package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
)

// Site keeps the responses of handlers. It may be used from many goroutines.
type Site struct {
	cfg     Config
	pages   *cacheops.Func[*visit, page]
	cache   *cacheops.Cache
	keyed   []string        // fields that are in every key
	keyedAs string          // the same, and those that are ignored
	known   map[string]bool // fields that do not bar a request
	lore    lore
}

// New returns a site whose responses are kept in a cache. The name is one site's
// alone in all programs that share the store: two handlers that answer one address
// differently belong to two sites, and so do two releases of a program that do, where
// the store outlives them. A nil config is the zero one. It fails for a
// config that contradicts itself.
func New(cache *cacheops.Cache, name string, cfg *Config) (*Site, error) {
	s := &Site{cfg: cfg.withDefaults(), cache: cache, lore: newLore()}
	if err := s.cfg.validate(); err != nil {
		return nil, err
	}
	if cache == nil || name == "" {
		return nil, fmt.Errorf("httpcache: New needs a cache and a name")
	}
	s.keyed = slices.DeleteFunc(canonical(slices.Concat(keyed, s.cfg.Headers)), func(name string) bool {
		return slices.Contains(s.cfg.IgnoreHeaders, name)
	})
	s.keyedAs = strings.Join(s.keyed, ",") + ";" + strings.Join(s.cfg.IgnoreHeaders, ",")
	s.known = s.cfg.knownFields()
	opts := []cacheops.Option{cacheops.TTL(s.cfg.TTL), cacheops.WithCodec(pageCodec{})}
	if s.cfg.DependsOn != nil {
		opts = append(opts, cacheops.DependsOn(cacheops.DependsIn(dependencies)))
	}
	if s.cfg.Scope != nil {
		opts = append(opts, cacheops.Scope(scopeIn))
	}
	s.pages = cacheops.NewFunc(cache, "http "+name, s.produce, opts...)
	return s, nil
}

// Handler returns a handler that answers as next does, from what is kept where it
// can: New and [Site.Handler] in one.
func Handler(next http.Handler, cache *cacheops.Cache, name string, cfg *Config) (http.Handler, error) {
	s, err := New(cache, name, cfg)
	if err != nil {
		return nil, err
	}
	return s.Handler(next), nil
}

// Handler returns a handler that answers as next does, from what is kept where it
// can. It is a middleware, and may be called more than once where all that it is
// given answer alike or answer other addresses.
func (s *Site) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, next) })
}

// Invalidate drops all pages of a path, whatever their query and whoever they are
// for. host is as requests name it, with a port where that is not 80 or 443. It fails as
// [cacheops.Func.Invalidate] does.
func (s *Site) Invalidate(ctx context.Context, host, path string) error {
	return s.pages.Invalidate(ctx, placeKey(placeAt(host, path)))
}

// InvalidateAll drops all pages of the site. It fails as
// [cacheops.Func.InvalidateAll] does.
func (s *Site) InvalidateAll(ctx context.Context) error { return s.pages.InvalidateAll(ctx) }

func (s *Site) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions, http.MethodTrace, http.MethodConnect:
		next.ServeHTTP(w, r)
		return
	default:
		s.unsafe(w, r, next)
		return
	}
	if why := s.refuses(w, r); why != "" {
		s.handOn(w, r, next, why)
		return
	}
	v, ctx := s.visit(r), r.Context()
	if s.cfg.Scope != nil {
		var ok bool
		if v.scope, ok = s.cfg.Scope(r); !ok {
			s.handOn(w, r, next, "the request has no scope")
			return
		}
		ctx = v.in(ctx)
	}
	want := askedBy(r.Header)
	if !want.anew {
		if p, err := s.pages.Cached(ctx, v); err == nil {
			if now := time.Now(); want.takes(&p, now) {
				s.note(w, "hit", "")
				w.Header()["Age"] = []string{seconds10(p.age(now))}
				p.serve(w, r)
				return
			}
			want.anew = true
		}
	}
	switch {
	case want.only:
		http.Error(w, "not kept, and only what is kept was asked for", http.StatusGatewayTimeout)
	case want.anew:
		s.handOn(w, r, next, "the request asks for a fresh response")
	case r.Method == http.MethodHead:
		s.handOn(w, r, next, "a HEAD of what is not kept")
	case demands(r.Header):
		s.handOn(w, r, next, "a precondition of what is not kept")
	case s.lore.passes(v):
		s.handOn(w, r, next, "its response was not kept lately")
	default:
		s.fill(w, r, next, v)
	}
}

// refuses says why a request has nothing to do with the cache.
func (s *Site) refuses(w http.ResponseWriter, r *http.Request) string {
	switch {
	case !s.cache.Enabled():
		return "switched off"
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return "the request has a body"
	case r.TLS != nil && len(r.TLS.PeerCertificates) > 0 && s.cfg.Scope == nil:
		return "the client has a certificate"
	case len(w.Header()["Set-Cookie"]) > 0 && !s.cfg.SetCookies:
		return "a cookie is set outside"
	}
	return s.barred(r)
}

// handOn lets the handler answer as if there were no cache.
func (s *Site) handOn(w http.ResponseWriter, r *http.Request, next http.Handler, why string) {
	s.note(w, "fwd=bypass", why)
	next.ServeHTTP(w, r)
}

// note says in the header what becomes of a response, if the site is to.
func (s *Site) note(w http.ResponseWriter, what, why string) {
	if s.cfg.CacheStatus != "" {
		w.Header().Add("Cache-Status", s.status(what, why))
	}
}

func (s *Site) status(what, why string) string {
	text := s.cfg.CacheStatus + "; " + what
	if why != "" {
		text += fmt.Sprintf("; detail=%+q", why)
	}
	return text
}

// unsafe passes a request through that may change something, and drops the pages of
// its path before a response that says that it did reaches the client. What it
// changes in a database of the cache drops what depends on that, as any write does;
// this is for what is elsewhere.
func (s *Site) unsafe(w http.ResponseWriter, r *http.Request, next http.Handler) {
	at := placeOf(r)
	rec := newRecorder(w)
	rec.passed = true
	rec.before = func(status int) {
		if status >= http.StatusBadRequest {
			return
		}
		err := s.Invalidate(context.WithoutCancel(r.Context()), at.host, at.path)
		if err != nil && s.cfg.OnError != nil {
			s.cfg.OnError(r, err)
		}
	}
	defer rec.begin(http.StatusOK) // where the handler writes nothing, or panics
	next.ServeHTTP(rec.writer(), r)
}
