package httpcache

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/cacheops/cacheops/httpcache"
	"github.com/cacheops/cacheops/redisstore"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// Processes share pages and their drops through Redis, bytes of any kind included,
// and know of each other's Vary.
func TestProcessesShareTheirPages(t *testing.T) {
	url, file := redistest.Start(t, nil).URL(), filepath.Join(t.TempDir(), "site.db")
	var worlds []*world
	var sites []http.Handler
	for range 2 {
		store, err := redisstore.New(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := newProcess(t, store, file)
		if len(worlds) == 0 {
			w.exec(t.Context(), schema)
		}
		worlds = append(worlds, w)
		h := func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Vary", "User-Agent")
			rw.Header().Add("X-Two", "a")
			rw.Header().Add("X-Two", "b")
			rw.WriteHeader(http.StatusNotFound)
			fmt.Fprint(rw, r.UserAgent(), "\xff\x00", w.title(r.Context(), "1"))
		}
		sites = append(sites, w.site(&httpcache.Config{Statuses: []int{404}}).Handler(http.HandlerFunc(h)))
	}
	ask := func(site int, agent, title string, hit bool) {
		t.Helper()
		got := worlds[site].ask(sites[site], http.MethodGet, "/", http.Header{"User-Agent": {agent}})
		if got.status != http.StatusNotFound || got.body != agent+"\xff\x00"+title || got.hit != hit || fmt.Sprint(got.header["X-Two"]) != "[a b]" {
			t.Errorf("process %d, %s: got %+v; want %q, hit = %v", site, agent, got, title, hit)
		}
	}
	// What pages vary on is new at first, and so is what the server knows of the tables:
	// it grants nothing before it is certain that nobody writes.
	warm := func(site int, agent string) {
		t.Helper()
		for till := time.Now().Add(20 * time.Second); time.Now().Before(till); time.Sleep(5 * time.Millisecond) {
			got := worlds[site].ask(sites[site], http.MethodGet, "/", http.Header{"User-Agent": {agent}})
			if got.hit {
				break
			}
		}
		ask(site, agent, "one", true)
	}
	warm(0, "x")
	ask(1, "z", "one", false) // what they vary on is new here, too
	ask(1, "x", "one", true)
	warm(1, "y")
	ask(0, "y", "one", true)
	worlds[1].retitle(context.Background(), "1", "uno")
	for _, site := range []int{0, 1} {
		for _, agent := range []string{"x", "y"} {
			ask(site, agent, "uno", site == 1)
		}
	}
}
