package httpcache

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/labstack/echo/v4"

	"github.com/cacheops/cacheops/httpcache"
)

// A router with one page of an article by its number, and a way to write it. Each
// is set up as its users do: the cache around it, or as its middleware.
var routers = map[string]func(w *world, site *httpcache.Site) http.Handler{
	"net/http": func(w *world, site *httpcache.Site) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
			fmt.Fprint(rw, w.title(r.Context(), r.PathValue("id")))
		})
		mux.HandleFunc("POST /articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
			w.retitle(r.Context(), r.PathValue("id"), r.FormValue("title"))
			rw.WriteHeader(http.StatusNoContent)
		})
		return site.Handler(mux)
	},
	"chi around": func(w *world, site *httpcache.Site) http.Handler { return site.Handler(chiRouter(w)) },
	"chi middleware": func(w *world, site *httpcache.Site) http.Handler {
		return chiRouter(w, middleware.RequestID, middleware.Recoverer, site.Handler)
	},
	"chi group": func(w *world, site *httpcache.Site) http.Handler {
		r := chi.NewRouter()
		r.Use(middleware.Recoverer)
		r.Mount("/", chiRouter(w, site.Handler, middleware.GetHead))
		return r
	},
	"gin": func(w *world, site *httpcache.Site) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		g := gin.New()
		g.Use(gin.Recovery())
		g.GET("/articles/:id", func(c *gin.Context) {
			c.String(http.StatusOK, "%s", w.title(c.Request.Context(), c.Param("id")))
		})
		g.POST("/articles/:id", func(c *gin.Context) {
			w.retitle(c.Request.Context(), c.Param("id"), c.Query("title"))
			c.Status(http.StatusNoContent)
		})
		return site.Handler(g)
	},
	"gin, its context as a context": func(w *world, site *httpcache.Site) http.Handler {
		g := gin.New()
		g.ContextWithFallback = true
		g.GET("/articles/:id", func(c *gin.Context) { c.String(http.StatusOK, "%s", w.title(c, c.Param("id"))) })
		g.POST("/articles/:id", func(c *gin.Context) {
			w.retitle(c, c.Param("id"), c.Query("title"))
			c.Status(http.StatusNoContent)
		})
		return site.Handler(g)
	},
	"echo around": func(w *world, site *httpcache.Site) http.Handler { return site.Handler(echoRouter(w)) },
	"echo middleware": func(w *world, site *httpcache.Site) http.Handler {
		e := echoRouter(w)
		e.Use(echo.WrapMiddleware(site.Handler))
		return e
	},
}

func chiRouter(w *world, uses ...func(http.Handler) http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(uses...)
	r.Get("/articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, w.title(r.Context(), chi.URLParam(r, "id")))
	})
	r.Post("/articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
		w.retitle(r.Context(), chi.URLParam(r, "id"), r.FormValue("title"))
		rw.WriteHeader(http.StatusNoContent)
	})
	return r
}

func echoRouter(w *world) *echo.Echo {
	e := echo.New()
	e.GET("/articles/:id", func(c echo.Context) error {
		return c.String(http.StatusOK, w.title(c.Request().Context(), c.Param("id")))
	})
	e.POST("/articles/:id", func(c echo.Context) error {
		w.retitle(c.Request().Context(), c.Param("id"), c.FormValue("title"))
		return c.NoContent(http.StatusNoContent)
	})
	return e
}

func TestRouters(t *testing.T) {
	for name, router := range routers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h := router(w, w.site(nil))
			page := func(path, want string, hit bool) {
				t.Helper()
				got := w.ask(h, http.MethodGet, path, nil)
				if got.status != http.StatusOK || got.body != want || got.hit != hit {
					t.Errorf("%s: got %d %q, %s; want %q, hit = %v", path, got.status, got.body, got.why, want, hit)
				}
			}
			for i := range 2 {
				page("/articles/1", "one", i > 0)
				page("/articles/2", "two", i > 0)
			}
			if got := w.ask(h, http.MethodPost, "/articles/2?title=zwei", nil); got.status != http.StatusNoContent {
				t.Fatalf("the write says %d", got.status)
			}
			page("/articles/1", "one", true)
			page("/articles/2", "zwei", false)
			page("/articles/2", "zwei", true)
			if got := w.ask(h, http.MethodHead, "/articles/2", nil); got.status != http.StatusOK || !got.hit || got.body != "" {
				t.Errorf("HEAD: %+v", got)
			}
			for range 2 { // what the router itself answers is nobody's page
				if got := w.ask(h, http.MethodGet, "/nowhere", nil); got.status != http.StatusNotFound || got.hit {
					t.Errorf("nowhere: %+v", got)
				}
			}
		})
	}
}

// A context that knows nothing of the request's is no way to a page that is kept.
func TestGinContextWithoutFallback(t *testing.T) {
	w := newWorld(t)
	g := gin.New()
	g.GET("/articles/:id", func(c *gin.Context) { c.String(http.StatusOK, "%s", w.title(c, c.Param("id"))) })
	h := w.site(nil).Handler(g)
	for i := range 3 {
		w.retitle(t.Context(), "1", fmt.Sprint(i))
		if got := w.ask(h, http.MethodGet, "/articles/1", nil); got.body != fmt.Sprint(i) || got.hit {
			t.Errorf("got %+v", got)
		}
	}
}

// A middleware that compresses may stand on either side, and a part of a page is a
// part of what it is said to be.
func TestCompressedPages(t *testing.T) {
	for name, inside := range map[string]bool{"inside": true, "outside": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			h := chi.NewRouter()
			h.Use(w.site(nil).Handler, middleware.Compress(5, "text/plain"))
			if !inside {
				h = chi.NewRouter()
				h.Use(middleware.Compress(5, "text/plain"), w.site(nil).Handler)
			}
			h.Get("/articles/{id}", func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "text/plain")
				fmt.Fprint(rw, w.title(r.Context(), chi.URLParam(r, "id")), strings.Repeat(".", 2000))
			})
			whole := "one" + strings.Repeat(".", 2000)
			ask := func(part string) answer {
				header := http.Header{"Accept-Encoding": {"gzip"}}
				if part != "" {
					header.Set("Range", part)
				}
				return w.ask(h, http.MethodGet, "/articles/1", header)
			}
			ask("")
			full := ask("")
			if !full.hit || full.header.Get("Content-Encoding") != "gzip" || gunzipped(t, full.body) != whole {
				t.Fatalf("got %+v", full)
			}
			switch got := ask("bytes=0-9"); {
			case got.status == http.StatusPartialContent && got.body == full.body[:10]:
			case got.status == http.StatusOK && gunzipped(t, got.body) == whole:
			default:
				t.Errorf("a part is %d %q, %v", got.status, got.body, got.header)
			}
		})
	}
}

func gunzipped(t *testing.T, s string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// gin's Stream asks its writer to tell when the client goes, and panics where that
// does not know how to.
func TestGinStreams(t *testing.T) {
	w := newWorld(t)
	g := gin.New()
	g.Any("/articles/:id", func(c *gin.Context) {
		left := 3
		c.Stream(func(to io.Writer) bool {
			fmt.Fprint(to, w.title(c.Request.Context(), c.Param("id")), " ")
			left--
			return left > 0
		})
	})
	server := httptest.NewServer(w.site(nil).Handler(g))
	defer server.Close()
	for _, method := range []string{http.MethodGet, http.MethodGet, http.MethodPost} {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/articles/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(body) != "one one one " || err != nil || res.ContentLength >= 0 {
			t.Errorf("%s: got %q, %v, %v", method, body, err, res.Header)
		}
	}
}
