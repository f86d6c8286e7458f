package httpcache_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cacheops/cacheops/httpcache"
)

// What a request says of caches.
func TestRequestCacheControl(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/limited" {
			rw.Header().Set("Cache-Control", "max-age=100")
		}
		w.counter(rw, r)
	})
	w.get(site, "/", "Cache-Control: only-if-cached").want(504, "not kept, and only what is kept was asked for\n", false)
	for _, path := range []string{"/", "/limited"} {
		w.get(site, path).want(200, "n = 0", false)
	}
	for _, c := range []struct {
		header        string
		open, limited bool
	}{
		{"", true, true},
		{"Cache-Control: only-if-cached", true, true},
		{"Cache-Control: no-cache", false, false},
		{"Cache-Control: No-Cache", false, false},
		{"Cache-Control: no-store", false, false},
		{"Cache-Control: max-age=0", false, false},
		{"Cache-Control: max-age=nonsense", false, false},
		{"Cache-Control: max-age=99999999999999999999", true, true},
		{"Cache-Control: max-age=60", true, true},
		{"Cache-Control: max-age=60, max-age=0", false, false},
		{"Cache-Control: max-stale=60", true, true},
		{"Cache-Control: max-age=60; no-store", false, false},
		{`Cache-Control: ext="a, no-store`, false, false},
		{"Cache-Control: min-fresh=50", true, true},
		{"Cache-Control: min-fresh=150", true, false},
		{"Pragma: no-cache", false, false},
	} {
		var header []string
		if c.header != "" {
			header = []string{c.header}
		}
		w.get(site, "/", header...).want(200, "n = 0", c.open)
		w.get(site, "/limited", header...).want(200, "n = 0", c.limited)
	}
}

// What a response says of caches, and what it is.
func TestWhichResponsesAreKept(t *testing.T) {
	for _, c := range []struct {
		name string
		kept bool
		h    http.HandlerFunc
	}{
		{"nothing said", true, head()},
		{"no-store", false, head("Cache-Control", "no-store")},
		{"private", false, head("Cache-Control", "private")},
		{"private of a field", false, head("Cache-Control", `max-age=60, private="x, y"`)},
		{"a quoted comma", true, head("Cache-Control", `ext="a, no-store, b", max-age=60`)},
		{"a quoted age", true, head("Cache-Control", `max-age="60",, ext=""`)},
		{"a quote without an end", false, head("Cache-Control", `ext="a, private`)},
		{"a quote where none can be", false, head("Cache-Control", `x=\", private`)},
		{"a list by semicolons", false, head("Cache-Control", "no-store; max-age=60")},
		{"a list by spaces", false, head("Cache-Control", "ext=1 private")},
		{"a quoted directive", false, head("Cache-Control", `"no-store"`)},
		{"a directive without a name", false, head("Cache-Control", "=private")},
		{"no-cache", false, head("Cache-Control", "no-cache")},
		{"no-cache in a second field", false, head("Cache-Control", "max-age=60", "Cache-Control", "No-Cache")},
		{"max-age", true, head("Cache-Control", "public, max-age=60")},
		{"max-age=0", false, head("Cache-Control", "max-age=0")},
		{"two of them", false, head("Cache-Control", "max-age=60, max-age=0")},
		{"a max-age that is none", false, head("Cache-Control", "max-age=soon")},
		{"s-maxage beats max-age", true, head("Cache-Control", "max-age=0, s-maxage=60")},
		{"s-maxage=0", false, head("Cache-Control", "max-age=60, s-maxage=0")},
		{"Expires in future", true, head("Expires", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))},
		{"Expires in the past", false, head("Expires", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))},
		{"Expires: 0", false, head("Expires", "0")},
		{"max-age beats Expires", true, head("Expires", "0", "Cache-Control", "max-age=9")},
		{"some age", true, head("Cache-Control", "max-age=60", "Age", "59")},
		{"an age that is its end", false, head("Cache-Control", "max-age=60", "Age", "60")},
		{"Set-Cookie", false, head("Set-Cookie", "a=b")},
		{"Vary: *", false, head("Vary", "*")},
		{"Vary", true, head("Vary", "Accept-Language, user-agent, Dnt")},
		{"Vary without commas", false, head("Vary", "Dnt User-Agent")},
		{"Vary with a star", false, head("Vary", "Dnt, *, User-Agent")},
		{"an empty Vary", true, head("Vary", ", ")},
		{"varies on too much", false, head("Vary", "A, B, C, D, E, F, G, H, I, J")},
		{"Content-Range", false, head("Content-Range", "bytes 0-1/2")},
		{"a trailer", false, head("Trailer", "X-Sum")},
		{"a field for this client", false, head("Connection", "X-Hop", "X-Hop", "1")},
		{"a name that is not canonical", false, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header()["set-cookie"] = []string{"a=b"} //nolint:staticcheck // as some do for HTTP/2
			fmt.Fprint(rw, "x")
		}},
		{"a late trailer", false, func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, "x")
			rw.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		}},
		{"200", true, status(200)},
		{"201", false, status(201)},
		{"204", true, status(204)},
		{"206", false, status(206)},
		{"301", true, status(301)},
		{"302", false, status(302)},
		{"404", true, status(404)},
		{"500", false, status(500)},
		{"503", false, status(503)},
		{"early hints", true, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Link", "</a.css>; rel=preload")
			rw.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(rw, "x")
		}},
		{"too long at once", false, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, strings.Repeat("x", 101)) }},
		{"too long in pieces", false, func(rw http.ResponseWriter, _ *http.Request) {
			for range 20 {
				fmt.Fprint(rw, "1234567")
			}
		}},
		{"too long by its header", false, head("Content-Length", "101")},
		{"just as long", true, func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, strings.Repeat("x", 100)) }},
		{"shorter than its header says", false, head("Content-Length", "2")},
		{"longer than its header says", false, head("Content-Length", "0")},
		{"as long as its header says", true, head("Content-Length", "1")},
		{"a length that is none", false, head("Content-Length", "one")},
		{"flushed", false, func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, "x")
			rw.(http.Flusher).Flush()
		}},
		{"flushed by a controller", false, func(rw http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(rw).Flush(); err != nil {
				panic(err)
			}
			fmt.Fprint(rw, "x")
		}},
		{"unwrapped", false, func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, "x")
			if u, ok := rw.(interface{ Unwrap() http.ResponseWriter }); ok {
				rw = u.Unwrap()
			}
			fmt.Fprint(rw, "y")
		}},
		{"WriteHeader twice", true, func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusOK)
			rw.WriteHeader(http.StatusOK)
			fmt.Fprint(rw, "x")
		}},
		{"another status", false, func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusOK)
			rw.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(rw, "x")
		}},
		{"a header after the status", true, func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusOK)
			rw.Header().Set("Set-Cookie", "a=b")
			fmt.Fprint(rw, "x")
		}},
		{"nothing at all", false, func(http.ResponseWriter, *http.Request) {}},
		{"from a reader", true, func(rw http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(rw, io.LimitReader(strings.NewReader("xyz"), 2)); err != nil {
				panic(err)
			}
		}},
		{"no content type", true, head("Content-Type", "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			h := func(rw http.ResponseWriter, r *http.Request) {
				w.read(r.Context(), 1)
				c.h(rw, r)
			}
			site := w.over(w.site(&httpcache.Config{MaxBytes: 100, Statuses: []int{200, 204, 301, 404}}, h))
			want := w.over(http.HandlerFunc(h))("/")
			for i := range 3 {
				got := site("/")
				got.want(want.StatusCode, want.body, i == 2 && c.kept || i == 1 && got.hit())
				if d := difference(got.Header, want.Header); d != "" {
					t.Errorf("request %d: the header differs in %s: %v, %v", i, d, got.Header, want.Header)
				}
			}
		})
	}
}

// difference names a field in which the header of a response through the cache
// differs from the handler's, where it should not.
func difference(got, want http.Header) string {
	made := []string{"Cache-Status", "Age", "Date", "Etag", "Content-Length", "Trailer"}
	for name := range got {
		if !slices.Contains(made, name) && !slices.Equal(got[name], want[name]) {
			return name
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok && !slices.Contains(made, name) && len(want[name]) > 0 {
			return name
		}
	}
	return ""
}

func head(pairs ...string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] == "" {
				rw.Header()[pairs[i]] = nil
				continue
			}
			rw.Header().Add(pairs[i], pairs[i+1])
		}
		fmt.Fprint(rw, "x")
	}
}

func status(n int) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(n)
		fmt.Fprint(rw, "x")
	}
}

// By an option, what may not be used unasked is kept: a hit has asked.
func TestRevalidated(t *testing.T) {
	for _, control := range []string{"no-cache", "max-age=0", "max-age=0, must-revalidate"} {
		w := newWorld(t, nil)
		site := w.site(&httpcache.Config{Revalidated: true}, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Cache-Control", control)
			w.counter(rw, r)
		})
		w.get(site, "/").want(200, "n = 0", false)
		if r := w.get(site, "/").want(200, "n = 0", true); r.Header.Get("Cache-Control") != control {
			t.Errorf("the client is told %q", r.Header.Get("Cache-Control"))
		}
	}
}

// A response ends when its header says so.
func TestAResponseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=100, s-maxage=60")
			w.counter(rw, r)
		})
		w.get(site, "/").want(200, "n = 0", false)
		w.get(site, "/").want(200, "n = 0", true)
		time.Sleep(59 * time.Second)
		w.get(site, "/").want(200, "n = 0", true)
		time.Sleep(2 * time.Second)
		w.get(site, "/").want(200, "n = 0", false)
		w.get(site, "/").want(200, "n = 0", true)
	})
}

// What another cache has kept before is as old as that says.
func TestAResponseWithAnAge(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=1000")
		rw.Header().Set("Age", "500")
		w.counter(rw, r)
	})
	if r := w.get(site, "/").want(200, "n = 0", false); r.Header.Get("Age") != "500" {
		t.Errorf("at first its age is %q", r.Header.Get("Age"))
	}
	if r := w.get(site, "/").want(200, "n = 0", true); len(r.Header.Get("Age")) != 3 {
		t.Errorf("its age is %q", r.Header.Get("Age"))
	}
	w.get(site, "/", "Cache-Control: max-age=400").want(200, "n = 0", false)
	w.get(site, "/", "Cache-Control: min-fresh=600").want(200, "n = 0", false)
}

// Vary tells representations apart, also where only some responses have it, and in a
// second process that has not seen any.
func TestVary(t *testing.T) {
	w := newWorld(t, nil)
	h := func(rw http.ResponseWriter, r *http.Request) {
		lang := r.Header.Get("Dnt")
		if lang != "" || r.URL.Path == "/always" {
			rw.Header().Add("Vary", "dnt")
		}
		fmt.Fprint(rw, lang, w.read(r.Context(), 1))
	}
	one, two := w.site(nil, h), w.site(nil, h)
	for i := range 4 {
		for _, site := range []http.Handler{one, two} {
			for _, path := range []string{"/always", "/often"} {
				for _, lang := range []string{"de", "fr", "", "de"} {
					var header []string
					if lang != "" {
						header = []string{"Dnt: " + lang}
					}
					r := w.get(site, path, header...)
					if r.body != lang+"0" {
						t.Fatalf("%s: %q is told %q", path, lang, r.body)
					}
					if i == 3 && !r.hit() && path == "/always" {
						t.Errorf("%s in %q: %s", path, lang, r.why())
					}
				}
			}
		}
	}
}

func TestConditionalRequests(t *testing.T) {
	w := newWorld(t, nil)
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/own":
			rw.Header().Set("ETag", `W/"own"`)
			rw.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
		case "/conditional": // a handler that knows the rules itself
			w.read(r.Context(), 1)
			rw.Header().Set("ETag", `"x"`)
			http.ServeContent(rw, r, "a.txt", modified, strings.NewReader("content"))
			return
		}
		w.counter(rw, r)
	})
	etag := w.get(site, "/").Header.Get("ETag")
	if !strings.HasPrefix(etag, `"`) || len(etag) < 10 {
		t.Fatalf("the ETag is %s", etag)
	}
	same, later := "If-Modified-Since: "+modified.Format(http.TimeFormat), "If-Modified-Since: "+modified.Add(-time.Second).Format(http.TimeFormat)
	for _, c := range []struct {
		path, header string // which may have several lines
		status       int
	}{
		{"/", "If-None-Match: " + etag, 304},
		{"/", "If-None-Match: W/" + etag, 304},
		{"/", `If-None-Match: "other", ` + etag, 304},
		{"/", "If-None-Match: \"other\"\nIf-None-Match: " + etag, 304},
		{"/", "If-None-Match: *", 304},
		{"/", `If-None-Match: "other"`, 200},
		{"/", `If-Match: "other"`, 412},
		{"/", "If-Match: " + etag, 200},
		{"/", "If-Match: \"other\"\nIf-Match: " + etag, 200},
		{"/", same, 200}, // it was never said when it was modified
		{"/own", `If-None-Match: "own"`, 304},
		{"/own", `If-None-Match: W/"own"`, 304},
		{"/own", same, 304},
		{"/own", later, 200},
		{"/own", same + "\n" + same, 200},
		{"/own", "If-Unmodified-Since: " + modified.Add(-time.Second).Format(http.TimeFormat), 412},
		{"/conditional", `If-None-Match: "x"`, 304},
		{"/conditional", `If-None-Match: "y"`, 200},
	} {
		for i, method := range []string{http.MethodGet, http.MethodGet, http.MethodHead} {
			r := w.ask(site, method, c.path, strings.Split(c.header, "\n")...)
			if r.StatusCode != c.status || i > 0 && !r.hit() || c.status == 304 && (r.body != "" || r.Header.Get("ETag") == "") {
				t.Errorf("%s %s, %s: got %d %q, %v", method, c.path, c.header, r.StatusCode, r.body, r.Header)
			}
		}
	}
	w.write(t.Context(), 1, 1)
	if r := w.get(site, "/", "If-None-Match: "+etag).want(200, "n = 1", false); r.Header.Get("ETag") == etag {
		t.Error("another page has the same ETag")
	}
	// A 304 leaves out of what type its page is.
	typed := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", []string{"text/plain", "text/html"}[w.read(r.Context(), 1)%2])
		fmt.Fprint(rw, "same")
	})
	plain := w.get(typed, "/typed").Header.Get("ETag")
	w.write(t.Context(), 1, 2)
	w.get(typed, "/typed", "If-None-Match: "+plain).want(200, "same", false)
}

// Whether a response that cannot be kept is the one that the client knows, its handler
// says.
func TestPreconditionsOfWhatIsNotKept(t *testing.T) {
	w := newWorld(t, nil)
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	site := w.site(&httpcache.Config{MaxBytes: 3}, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", `"x"`)
		http.ServeContent(rw, r, "a.txt", modified, strings.NewReader("content"))
	})
	w.get(site, "/a", `If-Match: "other"`).want(412, "", false)
	w.get(site, "/b", "If-Unmodified-Since: "+modified.Add(-time.Second).Format(http.TimeFormat)).want(412, "", false)
	w.get(site, "/c", `If-Match: "x"`).want(200, "content", false)
}

func TestRanges(t *testing.T) {
	w := newWorld(t, nil)
	body := "0123456789"
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		w.read(r.Context(), 1)
		rw.Header().Set("Content-Type", "text/plain")
		if r.URL.Path == "/empty" {
			rw.WriteHeader(http.StatusOK)
			return
		}
		fmt.Fprint(rw, body)
	})
	etag := w.get(site, "/").Header.Get("ETag")
	for _, c := range []struct {
		header []string
		status int
		body   string
	}{
		{[]string{"Range: bytes=2-4"}, 206, "234"},
		{[]string{"Range: bytes=-3"}, 206, "789"},
		{[]string{"Range: bytes=7-"}, 206, "789"},
		{[]string{"Range: bytes=20-"}, 416, "invalid range: failed to overlap\n"},
		{[]string{"Range: bytes=4-2"}, 416, "invalid range\n"},
		{[]string{"Range: lines=1-2"}, 200, body},
		{[]string{"Range: bytes=-0"}, 200, body},
		{[]string{"Range: bytes=0-1, -00"}, 200, body},
		{[]string{"Range: bytes=0-1", "Range: bytes=5-6"}, 200, body},
		{[]string{"Range: bytes=2-4", "Accept-Encoding: gzip"}, 200, body},
		{[]string{"Range: bytes=2-4", "Accept-Encoding: identity, *;q=0.5"}, 200, body},
		{[]string{"Range: bytes=2-4", "Accept-Encoding: identity;q=1, *;q=0.0"}, 206, "234"},
		{[]string{"Range: bytes=2-4", "If-Range: " + etag}, 206, "234"},
		{[]string{"Range: bytes=2-4", "If-Range: W/" + etag}, 200, body},
		{[]string{"Range: bytes=2-4", `If-Range: "other"`}, 200, body},
		{[]string{"Range: bytes=2-4", "If-None-Match: " + etag}, 304, ""},
	} {
		w.get(site, "/", c.header...) // another encoding is another page
		w.get(site, "/", c.header...).want(c.status, c.body, true)
	}
	several := w.get(site, "/", "Range: bytes=0-1,5-6")
	_, params, err := mime.ParseMediaType(several.Header.Get("Content-Type"))
	if several.StatusCode != http.StatusPartialContent || err != nil {
		t.Fatal(several.StatusCode, several.Header, err)
	}
	parts := multipart.NewReader(strings.NewReader(several.body), params["boundary"])
	for _, want := range []string{"01", "56"} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(p); string(got) != want || err != nil || p.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("a part is %q, %v, %v", got, p.Header, err)
		}
	}
	for _, header := range []string{"Range: bytes=2-4", "Range: bytes=20-"} {
		if r := w.ask(site, http.MethodHead, "/", header).want(200, "", true); r.Header.Get("Content-Length") != "10" {
			t.Errorf("HEAD with %s: %v", header, r.Header)
		}
	}
	w.get(site, "/empty")
	for _, header := range []string{"Range: bytes=0-", "Range: bytes=-5"} {
		w.get(site, "/empty", header).want(200, "", true)
	}
	// The first request for a page may want a part of it.
	w.get(site, "/?new", "Range: bytes=2-4").want(206, "234", false)
	w.get(site, "/?new").want(200, body, true)
}

func TestHead(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, w.counter)
	w.ask(site, http.MethodHead, "/") // the handler's own answer, and no page
	w.get(site, "/").want(200, "n = 0", false)
	r := w.ask(site, http.MethodHead, "/").want(200, "", true)
	if r.Header.Get("Content-Length") != "5" || r.Header.Get("ETag") == "" {
		t.Errorf("the header is %v", r.Header)
	}
	w.write(t.Context(), 1, 7)
	w.ask(site, http.MethodHead, "/")
	w.get(site, "/").want(200, "n = 7", false)
}

// Other methods, and requests with a body, are the handler's.
func TestMethods(t *testing.T) {
	w := newWorld(t, nil)
	site := w.site(nil, func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, r.Method, w.read(r.Context(), 1))
	})
	for range 2 {
		for _, m := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"} {
			w.ask(site, m, "/").want(200, m+"0", false)
		}
	}
	w.get(site, "/")
	w.get(site, "/").want(200, "GET0", true)
	for range 2 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		rec := httptest.NewRecorder()
		site.ServeHTTP(rec, r)
		if strings.Contains(rec.Header().Get("Cache-Status"), "hit") {
			t.Error("a hit for a request with a body")
		}
	}
}
