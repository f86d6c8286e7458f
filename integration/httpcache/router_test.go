package httpcache

import (
	"fmt"
	"net/http"
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
