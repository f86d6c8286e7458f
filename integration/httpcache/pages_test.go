package httpcache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/cacheops/cacheops"
)

// pages is a site of articles: everything that handlers do, over a database that is
// cached or bare. Without a cache it calls its functions plainly.
type pages struct {
	db    *sql.DB
	cache *cacheops.Cache
	say   func(string) string // in the words of the database
}

func (p pages) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /article/{id}", p.article)
	mux.HandleFunc("GET /category/{id}", p.category)
	mux.HandleFunc("GET /count", p.count)
	mux.HandleFunc("GET /both", p.both)
	mux.HandleFunc("GET /memo/{id}", p.memo)
	mux.HandleFunc("GET /me", p.me)
	mux.HandleFunc("GET /member", p.member)
	mux.HandleFunc("GET /stream", p.stream)
	mux.HandleFunc("GET /long", p.long)
	mux.HandleFunc("GET /chance", p.chance)
	mux.HandleFunc("GET /moved/{id}", p.moved)
	mux.HandleFunc("GET /transaction", p.transaction)
	mux.HandleFunc("GET /etag/{id}", p.etag)
	mux.HandleFunc("GET /panic/{id}", p.panics)
	return mux
}

func (p pages) text(ctx context.Context, query string, args ...any) string {
	var s sql.NullString
	if err := p.db.QueryRowContext(ctx, p.say(query), args...).Scan(&s); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "failed: " + err.Error()
	}
	return fmt.Sprint(s.String, s.Valid)
}

func (p pages) list(ctx context.Context, query string, args ...any) string {
	rows, err := p.db.QueryContext(ctx, p.say(query), args...)
	if err != nil {
		return "failed: " + err.Error()
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return "failed: " + err.Error()
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil {
		return "failed: " + err.Error()
	}
	return strings.Join(all, ", ")
}

func number(s string) (n int) {
	if _, err := fmt.Sscan(s, &n); err != nil {
		return -1
	}
	return n
}

// article is a 404 where there is none, and greets in the reader's language.
func (p pages) article(w http.ResponseWriter, r *http.Request) {
	id := number(r.PathValue("id"))
	var title string
	err := p.db.QueryRowContext(r.Context(), p.say("SELECT title FROM article WHERE id = ?"), id).Scan(&title)
	w.Header().Set("Vary", "Accept-Language")
	if err != nil {
		http.Error(w, "no such article "+r.Header.Get("Accept-Language"), http.StatusNotFound)
		return
	}
	fmt.Fprintf(w, "%s: %s\n", r.Header.Get("Accept-Language"), title)
	fmt.Fprint(w, p.list(r.Context(), "SELECT text FROM comment WHERE article = ? ORDER BY id", id))
}

func (p pages) category(w http.ResponseWriter, r *http.Request) {
	order := "ORDER BY id"
	if r.URL.Query().Get("down") != "" {
		order += " DESC"
	}
	w.Header().Set("Cache-Control", "max-age=300")
	fmt.Fprint(w, p.list(r.Context(), "SELECT title FROM article WHERE category = ? "+order, number(r.PathValue("id"))))
}

func (p pages) count(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT") // which does not make it so
	fmt.Fprint(w, p.text(r.Context(), "SELECT count(*) FROM article"), p.text(r.Context(), "SELECT max(id) FROM comment"))
}

// both reads on goroutines of its own.
func (p pages) both(w http.ResponseWriter, r *http.Request) {
	var wg sync.WaitGroup
	var one, two string
	wg.Go(func() { one = p.text(r.Context(), "SELECT title FROM article WHERE id = 1") })
	wg.Go(func() { two = p.list(r.Context(), "SELECT title FROM article WHERE category = 2 ORDER BY title") })
	wg.Wait()
	fmt.Fprint(w, one, " and ", two)
}

// memo reads through a function whose result is kept by itself.
func (p pages) memo(w http.ResponseWriter, r *http.Request) {
	id := number(r.PathValue("id"))
	read := func(ctx context.Context) (string, error) {
		return p.text(ctx, "SELECT title FROM article WHERE id = ?", id), nil
	}
	s, err := read(r.Context())
	if p.cache != nil {
		s, err = cacheops.Memo(r.Context(), p.cache, fmt.Sprint("memo", id), read)
	}
	fmt.Fprint(w, s, err)
}

// me is another for everybody with a cookie.
func (p pages) me(w http.ResponseWriter, r *http.Request) {
	name := "stranger"
	if c, err := r.Cookie("name"); err == nil {
		name = c.Value
	}
	fmt.Fprint(w, name, p.text(r.Context(), "SELECT count(*) FROM comment"))
}

// member gives a cookie to who has none.
func (p pages) member(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie("name"); err != nil {
		http.SetCookie(w, &http.Cookie{Name: "name", Value: r.Header.Get("User-Agent")})
	}
	fmt.Fprint(w, p.text(r.Context(), "SELECT count(*) FROM article"))
}

func (p pages) stream(w http.ResponseWriter, r *http.Request) {
	for id := range 4 {
		fmt.Fprintln(w, p.text(r.Context(), "SELECT title FROM article WHERE id = ?", id))
		w.(http.Flusher).Flush()
	}
}

// long is now longer and now shorter than what is kept.
func (p pages) long(w http.ResponseWriter, r *http.Request) {
	all := p.list(r.Context(), "SELECT text FROM comment ORDER BY id")
	for range 40 {
		fmt.Fprintln(w, all)
	}
}

// chance reads what no cache can follow.
func (p pages) chance(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, p.text(r.Context(), "SELECT count(*) + 0 * random() FROM comment"))
}

// moved sends away, to an address out of the database.
func (p pages) moved(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/to/"+p.text(r.Context(), "SELECT category FROM article WHERE id = ?", number(r.PathValue("id"))), http.StatusMovedPermanently)
}

func (p pages) transaction(w http.ResponseWriter, r *http.Request) {
	tx, err := p.db.BeginTx(r.Context(), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRowContext(r.Context(), "SELECT count(*) FROM comment").Scan(&n); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprint(w, n)
}

// etag has a tag of its own, a weak one.
func (p pages) etag(w http.ResponseWriter, r *http.Request) {
	title := p.text(r.Context(), "SELECT title FROM article WHERE id = ?", number(r.PathValue("id")))
	tag := fmt.Sprintf(`W/"%x"`, title)
	w.Header().Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	fmt.Fprint(w, title)
}

// panics where there is more than one comment, half-way.
func (p pages) panics(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, "half ")
	comments := p.list(r.Context(), "SELECT text FROM comment WHERE article = ?", number(r.PathValue("id")))
	if strings.Contains(comments, ",") {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, comments)
}
