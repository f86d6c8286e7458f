package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gormcache"
	"github.com/cacheops/cacheops/htmlcache"
	"github.com/cacheops/cacheops/httpcache"
)

//go:embed templates.html
var templates string

// blog is the program: its handlers read articles and render templates, and a
// cache stands before each of the three.
type blog struct {
	cache    *cacheops.Cache
	articles articles
	pages    *htmlcache.Set
}

// newBlog puts a cache over a store into a database and returns the blog's
// handler. The cache is the caller's to close.
func newBlog(ctx context.Context, store cacheops.Store, dialector gorm.Dialector) (http.Handler, *cacheops.Cache, error) {
	cache, err := cacheops.New(store, &cacheops.Config{Rules: []cacheops.Rule{
		{Tables: "articles", Ops: cacheops.All, TTL: time.Hour},
	}})
	if err != nil {
		return nil, nil, err
	}
	h, err := assemble(ctx, cache, dialector)
	if err != nil {
		return nil, nil, errors.Join(err, cache.Close())
	}
	return h, cache, nil
}

func assemble(ctx context.Context, cache *cacheops.Cache, dialector gorm.Dialector) (http.Handler, error) {
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := db.Use(gormcache.New(cache, nil)); err != nil { // queries
		return nil, err
	}
	b := &blog{cache: cache, articles: articles{db}}
	if err := b.articles.seed(ctx); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	funcs := template.FuncMap{"latest": b.articles.latest, "article": b.articles.one, "categories": b.articles.categories}
	b.pages, err = htmlcache.New(cache, template.New("").Funcs(funcs), func(t *template.Template) error { // fragments
		_, err := t.Parse(templates)
		return err
	})
	if err != nil {
		return nil, err
	}
	site, err := httpcache.New(cache, "blog", &httpcache.Config{CacheStatus: "blog"}) // whole pages
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(site.Handler)
	r.Get("/", b.home)
	r.Get("/articles/{id}", b.article)
	r.Get("/edit/{id}", b.edit)
	r.Post("/articles/{id}", b.save)
	r.Get("/login", b.login)
	return r, nil
}

// editorCookie makes an editor of a reader. It is no protection: this is a blog
// to try things on.
const editorCookie = "editor"

func (b *blog) login(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: editorCookie, Value: "yes", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func editor(r *http.Request) bool {
	_, err := r.Cookie(editorCookie)
	return err == nil
}

func (b *blog) home(w http.ResponseWriter, r *http.Request) { b.render(w, r, "home", nil) }

func (b *blog) article(w http.ResponseWriter, r *http.Request) {
	a, ok := b.find(w, r)
	if ok {
		b.render(w, r, "article", struct {
			ID     int64
			Title  string
			Editor bool
		}{a.ID, a.Title, editor(r)})
	}
}

func (b *blog) edit(w http.ResponseWriter, r *http.Request) {
	if !editor(r) {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	if a, ok := b.find(w, r); ok {
		b.render(w, r, "edit", a)
	}
}

func (b *blog) save(w http.ResponseWriter, r *http.Request) {
	if !editor(r) {
		http.Error(w, "editors only", http.StatusForbidden)
		return
	}
	a, ok := b.find(w, r)
	if !ok {
		return
	}
	a.Title, a.Category, a.Body = r.PostFormValue("title"), r.PostFormValue("category"), r.PostFormValue("body")
	if err := b.articles.save(r.Context(), &a); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, fmt.Sprintf("/articles/%d", a.ID), http.StatusSeeOther)
}

func (b *blog) find(w http.ResponseWriter, r *http.Request) (Article, bool) {
	id, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return Article{}, false
	}
	a, err := b.articles.one(r.Context(), id)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		http.NotFound(w, r)
		return a, false
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return a, false
	}
	return a, true
}

func (b *blog) render(w http.ResponseWriter, r *http.Request, name string, data any) {
	var page bytes.Buffer // whole, or else an error
	if err := b.pages.Execute(r.Context(), &page, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(w) // it fails where the reader has gone
}
