package httpcache

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cacheops/cacheops/httpcache"
)

var seed = flag.Uint64("site.seed", 0, "the seed of the random site; 0 for the clock's")

// fuzz is a run of random requests and writes.
type fuzz struct {
	*world
	*rand.Rand
	site, bare http.Handler
	tags       map[string]string // the body that an ETag was given for, by URL and ETag
	hits, asks int
	codes      map[int]int
	what       string // the configuration
}

// Whatever is asked and written in whatever order, the site answers as the handlers
// do over the bare database.
func TestTheSiteEqualsItsHandlers(t *testing.T) {
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	codes := make(map[int]int)
	for i, on := range engines {
		runs, steps := 12, 400
		switch {
		case testing.Short():
			runs, steps = 2, 200
		case i > 0:
			runs = 2 // what differs by server is the adapter's affair mostly
		}
		t.Run(on.name, func(t *testing.T) {
			for n := range uint64(runs) {
				t.Run(fmt.Sprint("seed ", from+n), func(t *testing.T) {
					newFuzz(t, on, from+n).play(steps, codes)
				})
			}
		})
	}
	for _, code := range []int{200, 206, 301, 304, 404} {
		if codes[code] == 0 {
			t.Errorf("no response was a %d", code)
		}
	}
}

// play makes random steps, and adds to the codes those of the responses.
func (f *fuzz) play(steps int, codes map[int]int) {
	for range steps {
		f.step()
	}
	maps.Copy(codes, f.codes)
	if f.hits < f.asks/12 {
		f.Errorf("%s: %d hits of %d requests", f.what, f.hits, f.asks)
	}
}

func newFuzz(t *testing.T, on engine, from uint64) *fuzz {
	f := &fuzz{
		world: newWorldOn(t, on), Rand: rand.New(rand.NewPCG(from, 1)),
		tags: make(map[string]string), codes: make(map[int]int),
	}
	cfg := &httpcache.Config{Statuses: []int{200, 301, 404}, MaxBytes: 2000}
	if f.IntN(2) == 0 {
		f.what += " a scope"
		cfg.Scope = func(r *http.Request) (string, bool) {
			c, err := r.Cookie("name")
			return fmt.Sprint(c), err == nil || r.Header.Get("Cookie") == ""
		}
	}
	if f.IntN(2) == 0 {
		f.what += " a header that is learned"
		cfg.IgnoreHeaders = []string{"Accept-Language"}
	}
	f.site = f.world.site(cfg).Handler(pages{db: f.db, cache: f.cache, say: on.text}.handler())
	f.bare = pages{db: f.world.bare, say: on.text}.handler()
	return f
}

func pick[T any](f *fuzz, from ...T) T { return from[f.IntN(len(from))] }

func (f *fuzz) step() {
	if f.IntN(20) == 0 {
		f.write()
		return
	}
	id := f.IntN(4)
	path := pick(f,
		fmt.Sprint("/article/", id), fmt.Sprint("/article/", id), "/count", "/both", fmt.Sprint("/category/", f.IntN(3)),
		fmt.Sprintf("/category/%d?down=1&x=%d", f.IntN(3), f.IntN(2)), fmt.Sprintf("/category/%d?x=%d&down=1", f.IntN(3), f.IntN(2)),
		"/count", "/both", fmt.Sprint("/memo/", id), "/me", "/member", "/stream", "/long", "/chance",
		fmt.Sprint("/moved/", id), "/transaction", fmt.Sprint("/etag/", id), fmt.Sprint("/panic/", id), "/nowhere",
	)
	h := make(http.Header)
	h.Set("User-Agent", strconv.Itoa(f.IntN(100)))
	if f.IntN(3) == 0 {
		h.Set("Accept-Language", pick(f, "de", "fr"))
	}
	if f.IntN(6) == 0 {
		h.Set("Cookie", "name="+pick(f, "ann", "bob"))
	}
	f.ask(pick(f, "GET", "GET", "GET", "HEAD"), path, h)
}

func (f *fuzz) write() {
	id, text := f.IntN(6), fmt.Sprint("text ", f.IntN(1000))
	ctx := context.Background()
	switch f.IntN(6) {
	case 0:
		f.exec(ctx, "UPDATE article SET title = ? WHERE id = ?", text, id)
	case 1:
		f.exec(ctx, "UPDATE article SET category = ? WHERE id = ?", f.IntN(3), id)
	case 2:
		f.exec(ctx, "INSERT OR IGNORE INTO article (id, category, title) VALUES (?, ?, ?)", id, f.IntN(3), text)
	case 3:
		f.exec(ctx, "DELETE FROM article WHERE id = ?", id)
	case 4:
		f.exec(ctx, "INSERT INTO comment (article, text) VALUES (?, ?)", id, text)
	case 5:
		f.exec(ctx, "DELETE FROM comment WHERE article = ?", id)
	}
}

// ask asks the site and its handlers and compares. With some luck the request has
// conditions, which the handlers are not asked to understand.
func (f *fuzz) ask(method, path string, h http.Header) {
	f.Helper()
	want, wantPanic := f.answer(f.bare, method, path, h)
	full, _ := f.answer(f.bare, http.MethodGet, path, h)
	asked := h.Clone()
	switch f.IntN(6) {
	case 0:
		if tags := f.tagsOf(path); len(tags) > 0 {
			asked.Set("If-None-Match", strings.Join(tags, ", "))
		}
	case 1:
		asked.Set("Range", fmt.Sprintf("bytes=%d-%d", f.IntN(10), 10+f.IntN(10)))
	case 2:
		asked.Set("Cache-Control", pick(f, "no-cache", "max-age=0", "max-age=100", "no-store"))
	}
	got, gotPanic := f.answer(f.site, method, path, asked)
	f.asks++
	f.codes[got.status]++
	if got.hit {
		f.hits++
	}
	problem := ""
	switch {
	case gotPanic != wantPanic:
		problem = fmt.Sprintf("panics with %v instead of %v", gotPanic, wantPanic)
	case got.status == http.StatusNotModified:
		problem = f.notModified(path, asked, got, full)
	case got.status == http.StatusPartialContent:
		problem = partial(asked, got, full, method)
	case got.status == http.StatusRequestedRangeNotSatisfiable && asked.Get("Range") != "" && len(full.body) <= 10:
	case got.status != want.status && !(method == http.MethodHead && got.hit):
		problem = fmt.Sprintf("status %d instead of %d", got.status, want.status)
	case method != http.MethodHead && got.body != want.body:
		problem = fmt.Sprintf("%q instead of %q", got.body, want.body)
	case got.header.Get("Location") != want.header.Get("Location") && method != http.MethodHead,
		!slices.Equal(got.header["Set-Cookie"], want.header["Set-Cookie"]),
		method != http.MethodHead && got.status != http.StatusNotFound && wantPanic == nil && got.header.Get("Cache-Control") != want.header.Get("Cache-Control"):
		problem = fmt.Sprintf("header %v instead of %v", got.header, want.header)
	}
	if problem != "" {
		f.Fatalf("%s; %s %s with %v: %s (%s)", f.what, method, path, asked, problem, got.why)
	}
	if tag := got.header.Get("ETag"); tag != "" && got.status == http.StatusOK {
		key := path + " " + tag
		if old, ok := f.tags[key]; ok && old != full.body {
			f.Fatalf("%s: %s is the ETag of %q and of %q", path, tag, old, full.body)
		}
		f.tags[key] = full.body
	}
}

func (f *fuzz) tagsOf(path string) (tags []string) {
	for key := range f.tags {
		if tag, ok := strings.CutPrefix(key, path+" "); ok {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags
}

// notModified checks that the client has what it is said to have.
func (f *fuzz) notModified(path string, asked http.Header, got, full answer) string {
	tag := got.header.Get("ETag")
	has, ok := f.tags[path+" "+tag]
	switch {
	case !strings.Contains(asked.Get("If-None-Match"), tag), tag == "", !ok:
		return "not modified by an ETag that was not named: " + tag
	case full.status != http.StatusOK || has != full.body:
		return fmt.Sprintf("not modified, %q is there instead of %q", has, full.body)
	}
	return ""
}

func partial(asked http.Header, got, full answer, method string) string {
	var from, to, first, last, size int
	if _, err := fmt.Sscanf(asked.Get("Range"), "bytes=%d-%d", &from, &to); err != nil {
		return "a part that was not asked for"
	}
	_, err := fmt.Sscanf(got.header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
	to = min(to, len(full.body)-1)
	switch {
	case err != nil || full.status != http.StatusOK || first != from || last != to || size != len(full.body):
		return fmt.Sprintf("the part %s of %q", got.header.Get("Content-Range"), full.body)
	case method != http.MethodHead && got.body != full.body[from:to+1]:
		return fmt.Sprintf("%q as %s of %q", got.body, asked.Get("Range"), full.body)
	}
	return ""
}

func (f *fuzz) answer(h http.Handler, method, path string, header http.Header) (a answer, panicked any) {
	defer func() { panicked = recover() }()
	return f.world.ask(h, method, path, header.Clone()), nil
}

// Under concurrency a page is never older than the last commit before its request.
// Every article has one writer, who counts it up.
func TestPagesAreNeverOlderThanTheRequest(t *testing.T) {
	for _, on := range engines {
		t.Run(on.name, func(t *testing.T) { racePages(t, newWorldOn(t, on)) })
	}
}

func racePages(t *testing.T, w *world) {
	const articles, readers = 4, 4
	var done, begun [articles + 1]atomic.Int64 // views that are committed, that may be
	h := w.site(nil).Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, pages{db: w.db, say: w.text}.list(r.Context(), "SELECT views FROM article WHERE "+r.URL.Query().Get("where")+" ORDER BY id"))
	}))
	stop := time.Now().Add(2 * time.Second)
	if testing.Short() {
		stop = time.Now().Add(500 * time.Millisecond)
	}
	var wg sync.WaitGroup
	for id := 1; id <= articles; id++ {
		wg.Go(func() {
			for n := int64(1); time.Now().Before(stop); n++ {
				begun[id].Store(n)
				w.exec(context.Background(), "UPDATE article SET views = ? WHERE id = ?", n, id)
				done[id].Store(n)
				time.Sleep(time.Duration(n%7) * time.Millisecond) // so that there are hits
			}
		})
	}
	var hits atomic.Int64
	wheres := map[string][]int{"id=1": {1}, "id=2": {2}, "category=1": {1, 2}, "category=2": {3, 4}, "1=1": {1, 2, 3, 4}}
	for range readers {
		wg.Go(func() {
			for time.Now().Before(stop) {
				for where, ids := range wheres {
					var low [articles + 1]int64
					for _, id := range ids {
						low[id] = done[id].Load()
					}
					rec := httptest.NewRecorder()
					r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
					r.URL.RawQuery = "where=" + where
					h.ServeHTTP(rec, r)
					if strings.Contains(rec.Header().Get("Cache-Status"), "; hit") {
						hits.Add(1)
					}
					for i, s := range strings.Split(rec.Body.String(), ", ") {
						n, err := strconv.ParseInt(s, 10, 64)
						if err != nil || n < low[ids[i]] || n > begun[ids[i]].Load() {
							t.Errorf("%s: %q for article %d, which was %d and is %d", where, s, ids[i], low[ids[i]], begun[ids[i]].Load())
							return
						}
					}
				}
			}
		})
	}
	wg.Wait()
	if hits.Load() == 0 {
		t.Error("no hits")
	}
}
