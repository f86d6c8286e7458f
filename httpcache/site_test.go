package httpcache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/httpcache"
)

// This is what the package is for: a page is kept until what it shows changes.
func TestAPageIsKeptUntilWhatItReadsChanges(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, w.counter)
	w.get(site, "/").want(200, "n = 0", false)
	w.get(site, "/").want(200, "n = 0", true)
	w.write(t.Context(), 2, 5) // which it does not show
	w.get(site, "/").want(200, "n = 0", true)
	w.write(t.Context(), 1, 7)
	w.get(site, "/").want(200, "n = 7", false)
	w.get(site, "/").want(200, "n = 7", true)
	if w.runs != 2 {
		t.Errorf("the handler ran %d times for two pages", w.runs)
	}
}

func TestAPageDependsOnWhatItIsSaidTo(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(&httpcache.Config{DependsOn: func(r *http.Request) []cacheops.Dependency {
		switch r.URL.Path {
		case "/one":
			return []cacheops.Dependency{cacheops.Table("a").Where("id", 1)}
		case "/two":
			return []cacheops.Dependency{cacheops.Table("a").Where("id", 2)}
		}
		return nil
	}}, func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, w.row(1), w.row(2))
	})
	for range 2 { // the first time nothing is kept
		w.get(site, "/one")
		w.get(site, "/two")
		w.get(site, "/none").want(200, "0 0", false)
	}
	w.get(site, "/one").want(200, "0 0", true)
	w.write(t.Context(), 2, 7)
	w.get(site, "/one").want(200, "0 0", true)
	w.get(site, "/two").want(200, "0 7", false)
	w.write(t.Context(), 1, 1)
	w.get(site, "/one").want(200, "1 7", false)
	w.get(site, "/two").want(200, "0 7", true)
}

// Nobody gets a page that was made for somebody else.
func TestForWhom(t *testing.T) {
	type userKey struct{}
	who := func(r *http.Request) string {
		cookie := "nobody"
		if c, err := r.Cookie("user"); err == nil {
			cookie = c.Value
		}
		user := ""
		if r.URL.Path == "/user" {
			user, _ = r.Context().Value(userKey{}).(string)
		}
		name, _, _ := r.BasicAuth()
		return strings.Join([]string{cookie, user, name, r.Header.Get("X-User"), r.Header.Get("Sec-User"), r.Header.Get("Accept-Language")}, " ")
	}
	w := newWorld(t, nil)
	h := func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Vary", "Accept-Language")
		fmt.Fprint(rw, w.read(r.Context(), 1), " for ", who(r))
	}
	outside := func(next http.Handler) http.Handler { // authentication in front of the cache
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if u := r.Header.Get("User-Agent"); u != "" {
				r = r.WithContext(context.WithValue(r.Context(), userKey{}, u))
			}
			next.ServeHTTP(rw, r)
		})
	}
	asks := [][]string{
		nil,
		{"Cookie: user=ann"},
		{"Cookie: user=bob"},
		{"Authorization: Basic YW5uOng="},
		{"Authorization: Basic Ym9iOng="},
		{"X-User: ann"},
		{"X-User: bob"},
		{"Sec-User: ann"},
		{"Sec-User: bob"},
		{"User-Agent: ann"},
		{"User-Agent: bob"},
		{"Accept-Language: de"},
		{"Accept-Language: fr"},
		{"Dnt: 1"},
	}
	for name, cfg := range map[string]*httpcache.Config{
		"by default": {},
		"a header in the key": {
			Headers: []string{"x-user", "sec-user"},
		},
		"a scope": {Headers: []string{"X-User", "Sec-User"}, Scope: func(r *http.Request) (string, bool) {
			return who(r), true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			site, hits := outside(w.site(cfg, h)), 0
			bare := outside(http.HandlerFunc(h))
			for range 4 {
				for _, header := range asks {
					for _, path := range []string{"/", "/user"} {
						got, want := w.get(site, path, header...), w.get(bare, path, header...)
						if got.body != want.body {
							t.Errorf("%q is told %q instead of %q", header, got.body, want.body)
						}
						if got.hit() {
							hits++
						}
					}
				}
			}
			if hits == 0 {
				t.Error("nothing was kept")
			}
			if cfg.Scope != nil && hits < 2*len(asks) {
				t.Errorf("%d hits, though there is a scope for all", hits)
			}
			if err := w.cache.Invalidate(t.Context(), cacheops.Table("a")); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A scope tells who shares with whom, and who shares nothing.
func TestScope(t *testing.T) {
	w := newWorld(t, nil)
	group := func(r *http.Request) (string, bool) {
		c, err := r.Cookie("group")
		if err != nil {
			return "", false
		}
		return c.Value, true
	}
	for _, cookies := range []bool{false, true} {
		site := w.site(&httpcache.Config{Scope: group, SetCookies: cookies}, func(rw http.ResponseWriter, r *http.Request) {
			g, _ := group(r)
			if r.URL.Path == "/cookie" {
				http.SetCookie(rw, &http.Cookie{Name: "seen", Value: "yes"})
			}
			fmt.Fprint(rw, g, w.read(r.Context(), 1))
		})
		path := fmt.Sprint("/", cookies)
		w.get(site, path, "Cookie: group=a").want(200, "a0", false)
		w.get(site, path, "Cookie: group=a; other=1").want(200, "a0", true)
		w.get(site, path, "Cookie: group=b").want(200, "b0", false)
		w.get(site, path).want(200, "0", false)
		w.get(site, path).want(200, "0", false)
		w.get(site, "/cookie", "Cookie: group=a").want(200, "a0", false)
		r := w.get(site, "/cookie", "Cookie: group=a").want(200, "a0", cookies)
		if r.Header.Get("Set-Cookie") != "seen=yes" {
			t.Error("the cookie is lost")
		}
	}
}

// Tenants never share a page, whose context value stands for a part of the key.
func TestPartition(t *testing.T) {
	type tenantKey struct{}
	tenantOf := func(ctx context.Context) (string, bool) {
		name, ok := ctx.Value(tenantKey{}).(string)
		return name, ok
	}
	w := newWorld(t, &cacheops.Config{Partition: tenantOf})
	site := w.site(&httpcache.Config{IgnoreContext: func(key any) bool { return key == tenantKey{} }}, func(rw http.ResponseWriter, r *http.Request) {
		tenant, _ := tenantOf(r.Context())
		fmt.Fprint(rw, tenant, w.read(r.Context(), 1))
	})
	as := func(name string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if name != "" {
				r = r.WithContext(context.WithValue(r.Context(), tenantKey{}, name))
			}
			site.ServeHTTP(rw, r)
		})
	}
	// What is not asked for says nothing of what may be kept for others.
	if r := w.get(as(""), "/").want(200, "0", false); !strings.Contains(r.why(), "not asked") {
		t.Errorf("got %s", r.why())
	}
	for i := range 2 {
		w.get(as("a"), "/").want(200, "a0", i > 0)
		w.get(as("b"), "/").want(200, "b0", i > 0)
		w.get(as(""), "/").want(200, "0", false)
	}
}

// What the key consists of.
func TestKeys(t *testing.T) {
	first := []string{"http://h/p?a=1&a=2&b=3", "X-Theme: dark"}
	for _, c := range []struct {
		name string
		ask  []string
		same bool
	}{
		{"itself", first, true},
		{"another order of names", []string{"http://h/p?b=3&a=1&a=2", "X-Theme: dark"}, true},
		{"a host's case", []string{"http://H/p?a=1&a=2&b=3", "X-Theme: dark"}, true},
		{"another order of values", []string{"http://h/p?a=2&a=1&b=3", "X-Theme: dark"}, false},
		{"another order of names and values", []string{"http://h/p?b=3&a=2&a=1", "X-Theme: dark"}, false},
		{"the same, one name escaped", []string{"http://h/p?b=3&%61=2&a=1", "X-Theme: dark"}, false},
		{"another order, one name escaped", []string{"http://h/p?%61=2&a=1&b=3", "X-Theme: dark"}, false},
		{"another host", []string{"http://i/p?a=1&a=2&b=3", "X-Theme: dark"}, false},
		{"another path", []string{"http://h/P?a=1&a=2&b=3", "X-Theme: dark"}, false},
		{"another query", []string{"http://h/p?a=1&a=2", "X-Theme: dark"}, false},
		{"another theme", []string{"http://h/p?a=1&a=2&b=3", "X-Theme: light"}, false},
		{"no theme", []string{"http://h/p?a=1&a=2&b=3"}, false},
		{"another scheme", []string{"https://h/p?a=1&a=2&b=3", "X-Theme: dark"}, false},
		{"another scheme before a proxy", append(first[:2:2], "X-Forwarded-Proto: https"), false},
		{"another language", append(first[:2:2], "Accept-Language: de"), false},
		{"another kind", append(first[:2:2], "Accept: text/json"), false},
		{"another browser", append(first[:2:2], "User-Agent: x"), true},
		{"an ignored kind", append(first[:2:2], "Accept-Encoding: gzip"), true},
		{"another client of a proxy", append(first[:2:2], "X-Forwarded-For: 1.2.3.4"), true},
		{"a header that nobody knows", append(first[:2:2], "X-Unknown: 1"), false},
	} {
		w := newWorld(t, nil)
		cfg := &httpcache.Config{Headers: []string{"x-theme"}, IgnoreHeaders: []string{"X-Forwarded-For", "accept-encoding"}}
		site := w.site(cfg, w.counter)
		w.get(site, first[0], first[1:]...)
		if got := w.get(site, c.ask[0], c.ask[1:]...); got.hit() != c.same {
			t.Errorf("%s: %s", c.name, got.why())
		}
	}
}

// A query that cannot be read is what it is: url.ParseQuery tells the first of its
// faults.
func TestQueriesThatCannotBeRead(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		_, err := url.ParseQuery(r.URL.RawQuery)
		fmt.Fprint(rw, w.read(r.Context(), 1), err)
	})
	for _, query := range []string{"a=%zz&b=%yy", "b=%yy&a=%zz", "%zz&%yy", "%yy&%zz"} {
		_, err := url.ParseQuery(query)
		w.get(site, "/?"+query).want(200, fmt.Sprint(0, err), false)
	}
}

// A handler that parts a query at semicolons too sees an order within a pair.
func TestSemicolons(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, http.AllowQuerySemicolons(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(rw, "%d %s", w.read(r.Context(), 1), r.URL.Query().Get("a"))
	})).ServeHTTP)
	w.get(site, "/?a=3&b=1;a=2").want(200, "0 3", false)
	w.get(site, "/?b=1;a=2&a=3").want(200, "0 2", false)
	w.get(site, "/?b=1;a=2&a=3").want(200, "0 2", true)
}

// Handlers under different prefixes see the same path.
func TestStrippedPrefixes(t *testing.T) {
	w := newWorld(t, nil)
	site, err := httpcache.New(w.cache, "site", nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, name := range []string{"a", "b"} {
		h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, name, w.read(r.Context(), 1)) })
		mux.Handle("/"+name+"/", http.StripPrefix("/"+name, site.Handler(h)))
	}
	for range 2 {
		for _, name := range []string{"a", "b"} {
			if got := w.get(mux, "/"+name+"/x"); got.body != name+"0" {
				t.Errorf("%s answers %q", name, got.body)
			}
		}
	}
}

// Fields that a middleware outside sets are its own each time.
func TestHeadersFromOutside(t *testing.T) {
	w := newWorld(t, nil)
	n := 0
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Handler", "yes")
		rw.Header().Add("X-Both", "inside")
		rw.Header().Del("X-Powered-By")
		w.counter(rw, r)
	})
	outside := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		n++
		rw.Header().Set("X-Request", fmt.Sprint(n))
		rw.Header().Set("X-Both", fmt.Sprint(n))
		rw.Header().Set("X-Powered-By", "steam")
		site.ServeHTTP(rw, r)
	})
	for i := range 3 {
		r := w.get(outside, "/").want(200, "n = 0", i > 0)
		both := strings.Join(r.Header["X-Both"], ",")
		if r.Header.Get("X-Request") != fmt.Sprint(n) || both != fmt.Sprint(n, ",inside") || r.Header.Get("X-Powered-By") != "" || r.Header.Get("X-Handler") != "yes" {
			t.Errorf("the header of request %d is %v", n, r.Header)
		}
	}
}

func TestInvalidate(t *testing.T) {
	w := newWorld(t, nil)
	site, err := httpcache.New(w.cache, "site", &httpcache.Config{CacheStatus: "test"})
	if err != nil {
		t.Fatal(err)
	}
	h := site.Handler(http.HandlerFunc(w.counter))
	for _, url := range []string{"http://h/a", "http://h/a?q=1", "http://h/b"} {
		w.get(h, url)
		w.get(h, url).want(200, "n = 0", true)
	}
	if err := site.Invalidate(t.Context(), "H", "/a"); err != nil {
		t.Fatal(err)
	}
	w.get(h, "http://h/b").want(200, "n = 0", true)
	w.get(h, "http://h/a").want(200, "n = 0", false)
	w.get(h, "http://h/a?q=1").want(200, "n = 0", false)
	if err := site.InvalidateAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.get(h, "http://h/b").want(200, "n = 0", false)
}

// An unsafe request may have changed what no database knows of.
func TestUnsafeRequestsDropTheirPath(t *testing.T) {
	for _, dependsOn := range []func(*http.Request) []cacheops.Dependency{
		nil, func(*http.Request) []cacheops.Dependency { return []cacheops.Dependency{cacheops.Table("a")} },
	} {
		w, state := newWorld(t, nil), 0
		site := w.site(&httpcache.Config{WithoutReads: true, DependsOn: dependsOn}, func(rw http.ResponseWriter, r *http.Request) {
			switch r.Method {
			case http.MethodPost:
				state++
				if r.URL.Path == "/fails" {
					rw.WriteHeader(http.StatusForbidden)
				}
			case http.MethodPut:
				state++
				fmt.Fprint(rw, "done")
			}
			fmt.Fprint(rw, state)
		})
		w.read(t.Context(), 1)
		for range 2 {
			w.get(site, "/x")
			w.get(site, "/x?q=1")
			w.get(site, "/fails")
		}
		w.ask(site, http.MethodPost, "/fails").want(403, "1", false)
		w.get(site, "/x").want(200, "0", true)
		w.get(site, "/fails").want(200, "0", true)
		w.ask(site, http.MethodPost, "/x").want(200, "2", false)
		w.get(site, "/x").want(200, "2", false)
		w.get(site, "/x?q=1").want(200, "2", false)
		w.ask(site, http.MethodPut, "/x").want(200, "done3", false)
		w.get(site, "/x").want(200, "3", false)
		w.get(site, "/fails").want(200, "0", true)
	}
}

// A host has names that differ in what goes without saying. A change under one of
// them is seen under all; what handlers are told they are called is each page's own.
func TestAHostsNamesAreOnePlace(t *testing.T) {
	names := []string{"http://example.com/", "http://example.com:443/", "http://example.com:80/", "http://example.com./"}
	w, state := newWorld(t, nil), 0
	site := w.site(&httpcache.Config{WithoutReads: true}, func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			state++
		}
		fmt.Fprint(rw, state, r.Host)
	})
	for n, post := range append(names, "http://EXAMPLE.com/") {
		for _, name := range names {
			r := w.get(site, name)
			r.want(200, fmt.Sprint(n, strings.Split(name, "/")[2]), false)
			w.get(site, name).want(200, r.body, true)
		}
		w.get(site, "http://example.com:8080/")
		w.ask(site, http.MethodPost, post)
		w.get(site, "http://example.com:8080/").want(200, "0example.com:8080", true) // which is another's
	}
}

func TestConfigsThatContradictThemselves(t *testing.T) {
	w := newWorld(t, nil)
	for _, cfg := range []*httpcache.Config{
		{TTL: -1},
		{MaxBytes: -1},
		{SetCookies: true},
		{Statuses: []int{500}},
		{Statuses: []int{206}},
		{Statuses: []int{304}},
		{Statuses: []int{103}},
		{IgnoreHeaders: []string{"cookie"}},
		{Headers: []string{"Authorization"}},
		{Headers: []string{"Range"}},
		{Headers: []string{"X-A"}, IgnoreHeaders: []string{"x-a"}},
	} {
		if _, err := httpcache.New(w.cache, "x", cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
	if _, err := httpcache.New(w.cache, "", nil); err == nil {
		t.Error("no name is accepted")
	}
	if _, err := httpcache.New(nil, "x", nil); err == nil {
		t.Error("no cache is accepted")
	}
}
