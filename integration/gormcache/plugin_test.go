package gormcache

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
	"gorm.io/plugin/dbresolver"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gormcache"
)

// eachEngine runs a test on every database over the store in memory, with the
// usual rows.
func eachEngine(t *testing.T, s setup, test func(*world)) {
	for engine := range engines {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, engine, "memory", s)
			w.migrate()
			w.seed()
			test(w)
		})
	}
}

// manual are rules under which only what asks for it is cached.
var manual = setup{rules: []cacheops.Rule{{Tables: "never", Never: true}, {Tables: "*", TTL: time.Hour}}}

// hits reads twice and says whether the second one was a hit.
func (w *world) hits(q query) bool {
	w.Helper()
	w.same(q)
	return w.same(q)
}

func TestScopes(t *testing.T) {
	eachEngine(t, manual, func(w *world) {
		byKey := func(scopes ...func(*gorm.DB) *gorm.DB) query {
			return find[Article](func(db *gorm.DB) *gorm.DB { return db.Scopes(scopes...).Where("id = ?", 1) })
		}
		if w.hits(byKey()) {
			t.Error("cached without being asked")
		}
		for name, scope := range map[string]gormcache.Scope{
			"Cache": gormcache.Cache(), "Cache(Get)": gormcache.Cache(cacheops.Get), "TTL": gormcache.TTL(time.Minute), "Extra": gormcache.Extra("x", 1),
		} {
			if !w.hits(byKey(scope)) {
				t.Errorf("%s does not cache", name)
			}
		}
		if w.hits(byKey(gormcache.Cache(cacheops.Count))) || w.hits(byKey(gormcache.Cache(), gormcache.NoCache())) || !w.hits(byKey(gormcache.NoCache(), gormcache.Cache())) {
			t.Error("what a scope does not ask for was cached, or the later one does not count")
		}
		if w.same(byKey(gormcache.Extra("another"))) || w.same(byKey(gormcache.Extra("x1"))) || w.same(byKey(gormcache.Extra("x", "1"))) {
			t.Error("an Extra is a hit of another's")
		}
		if w.hits(byKey(gormcache.WriteOnly())) {
			t.Error("WriteOnly was a hit")
		}
		// The scope holds for whatever is derived, and not for the db that it came from.
		base := func(db *gorm.DB) *gorm.DB { return db.Scopes(gormcache.Cache()).Where("category = ?", 1) }
		derived := func(db *gorm.DB) (any, error) {
			tx := base(db).Session(&gorm.Session{})
			var n int64
			var out []Article
			err := errors.Join(tx.Model(&Article{}).Count(&n).Error, tx.Preload("Author").WithContext(context.Background()).Order("id").Find(&out).Error)
			return fmt.Sprint(n, out[0].Author.Name), err
		}
		if !w.hits(derived) {
			t.Error("what was derived, or its preload, is not cached")
		}
		if w.hits(byKey()) {
			t.Error("a scope holds for the db itself")
		}
		// The context, over which the scope wins.
		in := func(ctx context.Context, scopes ...func(*gorm.DB) *gorm.DB) query {
			return func(db *gorm.DB) (any, error) { return byKey(scopes...)(db.WithContext(ctx)) }
		}
		ctx := context.Background()
		with := cacheops.With(ctx, cacheops.Call{Extra: "ctx"})
		if !w.hits(in(with)) || w.hits(in(cacheops.NoCache(ctx))) || !w.hits(in(cacheops.NoCache(ctx), gormcache.Cache())) || w.hits(in(with, gormcache.NoCache())) {
			t.Error("the context is not heeded, or over the scope")
		}
		// Clauses and the generic API.
		generic := func(opts ...clause.Expression) query {
			return func(db *gorm.DB) (any, error) {
				return gorm.G[Article](db, opts...).Where("id = ?", 2).First(context.Background())
			}
		}
		scoped := func(db *gorm.DB) (any, error) {
			return gorm.G[Article](db).Scopes(gormcache.Extra("g").Statement).Where("id = ?", 2).Find(context.Background())
		}
		preloaded := func(db *gorm.DB) (any, error) {
			return gorm.G[Article](db, gormcache.Extra("p")).Preload("Author", nil).Where("id = ?", 2).Find(context.Background())
		}
		if w.hits(generic()) || !w.hits(generic(gormcache.Cache())) || !w.hits(scoped) || !w.hits(preloaded) {
			t.Error("the generic API is not heeded")
		}
		rows := func(db *gorm.DB) (any, error) {
			r, err := db.Scopes(gormcache.Cache()).Model(&Article{}).Select("title").Order("id").Rows()
			if err != nil {
				return nil, err
			}
			defer r.Close()
			out, err := all(r)
			return fmt.Sprint(out), err
		}
		if !w.hits(rows) {
			t.Error("Rows does not heed its scope")
		}
	})
}

// hooked has a hook that shows.
type hooked struct {
	Article
	Found int `gorm:"-"`
}

func (*hooked) TableName() string { return "articles" }

func (h *hooked) AfterFind(tx *gorm.DB) error {
	h.Found++
	if tx.Statement.Context.Value(panicking{}) != nil {
		panic("the program's own")
	}
	return nil
}

type panicking struct{}

func TestHooksRunOnHits(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		q := find[hooked](func(db *gorm.DB) *gorm.DB { return db.Order("id") })
		w.warm(q)
		if got := w.answer(w.cached, q); strings.Count(got, `"Found":1`) != 6 {
			t.Errorf("the hook did not run once for each: %s", got)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			w.answer(w.cached.WithContext(context.WithValue(context.Background(), panicking{}, true)), q)
		}()
		if !w.same(q) {
			t.Error("a panic of a hook has dropped something")
		}
		compiled, err := gormcache.Compile[hooked](w.cached, func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) })
		must(t, err)
		for range 4 {
			one, err := compiled.First(context.Background(), 1)
			many, err2 := compiled.Find(context.Background(), 1)
			must(t, errors.Join(err, err2))
			if one.Found != 1 || len(many) != 1 || many[0].Found != 1 {
				t.Errorf("the hook of a compiled query ran %d and %d times", one.Found, many[0].Found)
			}
		}
	})
}

func TestResultsAreTheCallersOwn(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		q := find[Article](func(db *gorm.DB) *gorm.DB { return db.Joins("Author").Order("articles.id") })
		p := find[*Article](func(db *gorm.DB) *gorm.DB { return db.Preload("Author").Where("category > ?", 0).Order("id") })
		one := first[Article](1)
		compiled, err := gormcache.Compile[Article](w.cached, func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) })
		must(t, err)
		w.warm(q, p, one)
		spoil := func(a *Article) {
			a.Title, a.Views = "spoilt", 99
			*a.Slug, *a.AuthorID, a.Body[0] = "spoilt", 99, '#'
			a.Meta["n"] = "spoilt"
			a.Meta["list"].([]any)[0] = "spoilt"
			if a.Author != nil {
				a.Author.Name = "spoilt"
			}
		}
		for range 3 {
			v, err := q(w.cached)
			must(t, err)
			spoil(&v.([]Article)[0])
			v, err = p(w.cached)
			must(t, err)
			spoil(v.([]*Article)[0])
			v, err = one(w.cached)
			must(t, err)
			a := v.(Article)
			spoil(&a)
			a, err = compiled.First(context.Background(), 1)
			must(t, err)
			spoil(&a)
			list, err := compiled.Find(context.Background(), 1)
			must(t, err)
			spoil(&list[0])
			if !w.same(q) || !w.same(p) || !w.same(one) {
				t.Error("no hit")
			}
			fresh, err := compiled.First(context.Background(), 1)
			must(t, err)
			if want := w.answer(w.bare, one); want != text(t, fresh) {
				t.Errorf("compiled: %s, want %s", text(t, fresh), want)
			}
		}
	})
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}

// TestDestinations scans hits into whatever GORM scans into, with what it leaves
// there.
func TestDestinations(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		queries := map[string]query{
			"prefilled": func(db *gorm.DB) (any, error) {
				var empty Article
				mine, other := Article{Views: 7, Title: "mine"}, Article{Views: 8, Title: "another's"}
				q := db.Select("id", "category").Where("id = ?", 1).Session(&gorm.Session{})
				err := errors.Join(q.Take(&mine).Error, q.Take(&empty).Error, q.Take(&other).Error)
				return []Article{mine, empty, other}, err
			},
			"not found, prefilled": func(db *gorm.DB) (any, error) {
				a := Article{Views: 7}
				tx := db.Where("id = ?", 99).Limit(1).Find(&a)
				return fmt.Sprint(a.Views, tx.RowsAffected), tx.Error
			},
			"none found": func(db *gorm.DB) (any, error) {
				out := []Article{{ID: 5}}
				tx := db.Where("id > ?", 99).Find(&out)
				return fmt.Sprint(len(out), out == nil, tx.RowsAffected), tx.Error
			},
			"room": func(db *gorm.DB) (any, error) {
				room := make([]Brief, 3, 10)
				out := room
				err := db.Model(&Article{}).Where("category = ?", 1).Order("id").Find(&out).Error
				return []any{out, cap(out), room[0]}, err
			},
			"array": func(db *gorm.DB) (any, error) {
				var out [2]Brief
				err := db.Model(&Article{}).Order("id").Limit(2).Find(&out).Error
				return out, err
			},
			"map": func(db *gorm.DB) (any, error) {
				out := map[string]any{}
				err := db.Model(&Article{}).Select("id", "title").Where("id = ?", 1).Take(&out).Error
				return fmt.Sprint(out), err
			},
			"maps": func(db *gorm.DB) (any, error) {
				var out []map[string]any
				err := db.Model(&Article{}).Select("id", "title").Order("id").Find(&out).Error
				return fmt.Sprint(out), err
			},
			"plucked": func(db *gorm.DB) (any, error) {
				var ids []int64
				var slugs []*string
				var at []time.Time
				var one string
				m := func() *gorm.DB { return db.Model(&Article{}).Order("id") }
				err := errors.Join(m().Pluck("id", &ids).Error, m().Pluck("slug", &slugs).Error, m().Pluck("created_at", &at).Error, m().Limit(1).Pluck("title", &one).Error)
				return []any{ids, slugs, len(at), one}, err
			},
			"pointer to pointer": func(db *gorm.DB) (any, error) {
				var out *Article
				err := db.Where("id = ?", 1).Take(&out).Error
				return out, err
			},
			"mapped columns": func(db *gorm.DB) (any, error) {
				return gorm.G[Brief](db).Table("articles").Select("id, slug").MapColumns(map[string]string{"slug": "title"}).Where("id < ?", 3).Order("id").Find(context.Background())
			},
			"the same SQL, other columns": func(db *gorm.DB) (any, error) {
				return gorm.G[Brief](db).Table("articles").Select("id, slug").Where("id < ?", 3).Order("id").Find(context.Background())
			},
			"in batches": func(db *gorm.DB) (any, error) {
				var out []Article
				var seen []uint
				err := db.Where("category > ?", 0).FindInBatches(&out, 2, func(*gorm.DB, int) error {
					for _, a := range out {
						seen = append(seen, a.ID)
					}
					return nil
				}).Error
				return seen, err
			},
			"first or init": func(db *gorm.DB) (any, error) {
				var a, b Article
				err := errors.Join(db.Where(Article{ID: 1}).FirstOrInit(&a).Error, db.Where(Article{ID: 98}).Attrs(Article{Title: "x"}).FirstOrInit(&b).Error)
				return []Article{a, b}, err
			},
			"last": func(db *gorm.DB) (any, error) {
				var a Article
				err := db.Last(&a).Error
				return a, err
			},
			"unscoped": func(db *gorm.DB) (any, error) {
				var out []Article
				err := db.Unscoped().Order("id").Find(&out).Error
				return out, err
			},
			"dry": func(db *gorm.DB) (any, error) {
				return db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", 1).Find(&[]Article{}) }), nil
			},
			"a table named at run time": func(db *gorm.DB) (any, error) {
				var out []Brief
				err := db.Table("articles AS x").Where("x.id < ?", 4).Order("x.id").Find(&out).Error
				return out, err
			},
			"nothing but a scalar": func(db *gorm.DB) (any, error) {
				var n int
				var at time.Time
				var s *string
				err := errors.Join(db.Raw("SELECT max(id) FROM articles").Scan(&n).Error, db.Model(&Article{}).Select("created_at").Where("id = 1").Scan(&at).Error,
					db.Raw("SELECT slug FROM articles WHERE id = ?", 1).Scan(&s).Error)
				return []any{n, at.IsZero(), s}, err
			},
		}
		check := func() {
			for name, q := range queries {
				for range 4 {
					cached, bare := w.answer(w.cached, q), w.answer(w.bare, q)
					if cached != bare {
						t.Errorf("%s:\ncached %s\nbare   %s", name, cached, bare)
					}
				}
			}
		}
		check()
		must(t, w.cached.Model(&Article{ID: 1}).Updates(map[string]any{"title": "changed", "category": 2}).Error)
		must(t, w.cached.Delete(&Article{}, 3).Error)
		check()
	})
}

// secret is made with a key of the reader's.
type secret struct {
	ID    uint
	Value string `gorm:"serializer:keyed"`
}

type (
	secretKey struct{}
	keyed     struct{}
)

func (keyed) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, v any) error {
	key, _ := ctx.Value(secretKey{}).(string)
	return field.Set(ctx, dst, fmt.Sprintf("%s of %s", v, key))
}

func (keyed) Value(_ context.Context, _ *schema.Field, _ reflect.Value, v any) (any, error) {
	return v, nil
}

func TestSerializersSeeTheirCaller(t *testing.T) {
	schema.RegisterSerializer("keyed", keyed{})
	w := newWorld(t, "sqlite", "memory", setup{})
	must(t, w.cached.AutoMigrate(&secret{}))
	must(t, w.cached.Create(&secret{ID: 1, Value: "s"}).Error)
	for range 3 {
		for _, who := range []string{"ann", "bob"} {
			var s secret
			must(t, w.cached.WithContext(context.WithValue(context.Background(), secretKey{}, who)).First(&s, 1).Error)
			if !strings.HasSuffix(s.Value, "of "+who) {
				t.Fatalf("%s reads %q", who, s.Value)
			}
		}
	}
}

func TestBypassIsRefused(t *testing.T) {
	w := small(t, setup{})
	early := w.gorm(w.open(), gorm.Config{})
	session := early.WithContext(context.Background())
	prepared := early.Session(&gorm.Session{PrepareStmt: true})
	must(t, prepared.First(&Article{}, 1).Error) // prepared on the bare pool
	tx := early.Begin()
	defer tx.Rollback()
	must(t, early.Use(gormcache.New(w.cache, nil)))
	for name, write := range map[string]func() error{
		"session":  func() error { return session.Model(&Article{ID: 1}).Update("title", "past").Error },
		"prepared": func() error { return prepared.Model(&Article{ID: 1}).Update("title", "past").Error },
		"tx":       func() error { return tx.Model(&Article{ID: 1}).Update("title", "past").Error },
		"exec":     func() error { return session.Exec("UPDATE articles SET title = 'past'").Error },
		"raw": func() error {
			return session.Raw("UPDATE articles SET title = 'past' RETURNING id").Scan(&[]int{}).Error
		},
		"rows": func() error {
			r, err := session.Raw("UPDATE articles SET title = 'past' RETURNING id").Rows()
			if err == nil {
				r.Close()
				return r.Err()
			}
			return err
		},
		"create": func() error { return session.Create(&Article{Title: "past"}).Error },
		"delete": func() error { return session.Delete(&Article{}, 1).Error },
	} {
		if err := write(); !errors.Is(err, gormcache.ErrBypass) {
			t.Errorf("%s: %v, want ErrBypass", name, err)
		}
	}
	// What comes after Use is under the cache, whatever it is.
	q := first[Article](1)
	for name, write := range map[string]func(title string) error{
		"prepared": func(title string) error {
			return early.Session(&gorm.Session{PrepareStmt: true}).Model(&Article{ID: 1}).Update("title", title).Error
		},
		"prepared raw": func(title string) error {
			return early.Session(&gorm.Session{PrepareStmt: true}).Exec("UPDATE articles SET title = ? WHERE id = 1", title).Error
		},
		"connection": func(title string) error {
			return early.Connection(func(c *gorm.DB) error { return c.Model(&Article{ID: 1}).Update("title", title).Error })
		},
		"savepoint": func(title string) error {
			return early.Transaction(func(tx *gorm.DB) error {
				tx.SavePoint("a")
				tx.Model(&Article{ID: 1}).Update("title", "never")
				tx.RollbackTo("a")
				return tx.Model(&Article{ID: 1}).Update("title", title).Error
			})
		},
		"pool": func(title string) error {
			pool, err := early.DB()
			if err != nil {
				return err
			}
			_, err = pool.Exec("UPDATE articles SET title = ? WHERE id = 1", title)
			return err
		},
	} {
		w.warm(q)
		must(t, write(name))
		if got := w.answer(w.cached, q); !strings.Contains(got, name) {
			t.Errorf("%s was not seen: %s", name, got)
		}
		w.same(q)
	}
}

func TestDBResolver(t *testing.T) {
	for _, prepared := range []bool{false, true} {
		w := small(t, setup{gorm: gorm.Config{PrepareStmt: prepared}})
		resolver := dbresolver.Register(dbresolver.Config{
			Sources: []gorm.Dialector{w.open()}, Replicas: []gorm.Dialector{w.open(), w.open()},
		}).Register(dbresolver.Config{Sources: []gorm.Dialector{w.open()}}, "other")
		must(t, w.cached.Use(resolver))
		t.Cleanup(func() {
			must(t, resolver.Call(func(pool gorm.ConnPool) error { return pool.(*sql.DB).Close() }))
		})
		w.around(func(db *gorm.DB) error { return db.Model(&Article{ID: 1}).Update("title", "resolved").Error })
		w.around(func(db *gorm.DB) error {
			return db.Clauses(dbresolver.Use("other")).Transaction(func(tx *gorm.DB) error {
				return tx.Exec("UPDATE articles SET title = 'other' WHERE id = 1").Error
			})
		})
		w.around(func(db *gorm.DB) error {
			tx := db.Clauses(dbresolver.Use("other"), dbresolver.Write).Begin()
			if err := tx.Model(&Article{}).Where("category = 1").Update("title", "begun").Error; err != nil {
				return err
			}
			return tx.Commit().Error
		})
		late := w.gorm(w.open(), gorm.Config{})
		must(t, late.Use(dbresolver.Register(dbresolver.Config{})))
		if late.Use(gormcache.New(w.cache, nil)) == nil {
			t.Error("the plugin may be used after DBResolver")
		}
	}
}

func TestOnSave(t *testing.T) {
	rules := []cacheops.Rule{
		{Tables: "articles", Ops: cacheops.All, TTL: time.Hour, CacheOnSave: []string{cacheops.PrimaryKey, "Slug"}},
		{Tables: "tags", Ops: cacheops.All, TTL: time.Hour, CacheOnSave: []string{"name"}},
		{Tables: "comments", CacheOnSave: []string{cacheops.PrimaryKey}}, // only where it is asked for
		{Tables: "*", Ops: cacheops.All, TTL: time.Hour, CacheOnSave: []string{cacheops.PrimaryKey}},
	}
	eachEngine(t, setup{rules: rules}, func(w *world) {
		at := func(id uint) query { return first[Article](id) }
		slug := "saved"
		a := Article{Category: 1, Title: "new", Slug: &slug}
		must(t, w.cached.Create(&a).Error)
		if !w.same(at(a.ID)) || !w.same(first[Article]("slug = ?", slug)) {
			t.Error("no hit after Create")
		}
		a.Title = "again"
		must(t, w.cached.Save(&a).Error)
		if !w.same(at(a.ID)) {
			t.Error("no hit after Save")
		}
		must(t, w.cached.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&a).Update("title", "inside").Error; err != nil {
				return err
			}
			return tx.Create(&Tag{Name: "new"}).Error
		}))
		if !w.same(at(a.ID)) || !w.same(first[Tag]("name = ?", "new")) {
			t.Error("no hit after a transaction")
		}
		if got := w.answer(w.cached, at(a.ID)); !strings.Contains(got, "inside") {
			t.Errorf("kept %s", got)
		}
		err := w.cached.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&a).Update("title", "never").Error; err != nil {
				return err
			}
			return errChanged
		})
		if !errors.Is(err, errChanged) || !w.same(at(a.ID)) {
			t.Error("a rollback has dropped the row")
		}
		must(t, w.cached.Session(&gorm.Session{SkipDefaultTransaction: true, PrepareStmt: true}).Model(&a).Update("title", "alone").Error)
		if !w.same(at(a.ID)) {
			t.Error("no hit after a write without a transaction")
		}
		batch := []Article{{Title: "b1"}, {Title: "b2"}}
		must(t, w.cached.Create(&batch).Error)
		if !w.same(at(batch[0].ID)) || !w.same(at(batch[1].ID)) {
			t.Error("no hit after a batch")
		}
		// Whatever the save's context and the rule's Ops say.
		c := Comment{OwnerID: 1, OwnerType: "articles", Text: "new"}
		must(t, w.cached.Scopes(gormcache.NoCache()).Create(&c).Error)
		asked := func(db *gorm.DB) (any, error) { return first[Comment](c.ID)(db.Scopes(gormcache.Cache())) }
		if !w.same(asked) || w.same(first[Comment](c.ID)) {
			t.Error("no hit where it is asked for, or one where it is not")
		}
	})
}

// A column that the model does not have is named before anything is written.
func TestCacheOnSaveNamesTheBadColumn(t *testing.T) {
	w := newWorld(t, "sqlite", "memory", setup{rules: []cacheops.Rule{{Tables: "tags", CacheOnSave: []string{"label"}}}})
	w.migrate()
	tag := Tag{ID: 1, Name: "x"}
	for _, err := range []error{
		w.cached.Create(&tag).Error, w.cached.Save(&tag).Error, w.cached.Model(&tag).Update("name", "y").Error,
	} {
		if err == nil || !strings.Contains(err.Error(), `CacheOnSave: Tag has no column "label"`) {
			t.Errorf("the error is %v", err)
		}
	}
	if got := w.answer(w.bare, count[Tag]("1 = 1")); got != "0" {
		t.Errorf("%s tags were written", got)
	}
}

func TestInvalidate(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		w.warm(usual...)
		var a Article
		must(t, w.bare.First(&a, 1).Error)
		// Somebody else writes past the cache.
		must(t, w.bare.Model(&Article{}).Where("id = ?", 1).Updates(map[string]any{"title": "past", "category": 2}).Error)
		must(t, gormcache.Invalidate(w.cached, &a))
		w.fresh(usual...)
		w.warm(usual...)
		must(t, w.bare.Model(&Article{}).Where("id IN ?", []int{2, 3}).Update("title", "both").Error)
		must(t, w.cached.Transaction(func(tx *gorm.DB) error {
			if err := gormcache.Invalidate(tx, []*Article{{ID: 2}, {ID: 3}}); err != nil {
				return err
			}
			return nil
		}))
		w.fresh(usual...)
		other := first[Article](5)
		w.warm(other)
		must(t, gormcache.Invalidate(w.cached, &a))
		if !w.same(other) {
			t.Error("another row was dropped")
		}
		if gormcache.Invalidate(w.cached, 5) == nil || gormcache.Invalidate(w.bare, &a) == nil {
			t.Error("no error where nothing can be dropped")
		}
	})
}

// Objects that know less than their row, or another key.
func TestInvalidateFindsTheRow(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		at50, at60 := first[Article](50), first[Article](60)
		past := func(sql string) { t.Helper(); must(t, w.bare.Exec(sql).Error) }
		qs := append([]query{at50, at60}, usual...)
		// An object that has only its key: how its row was is not known.
		w.warm(qs...)
		past("UPDATE articles SET category = 2 WHERE id = 2")
		must(t, gormcache.Invalidate(w.cached, &Article{ID: 2}))
		w.fresh(qs...)
		// The key was changed in memory; the row is found by its slug.
		w.warm(qs...)
		var a Article
		must(t, w.bare.First(&a, 1).Error)
		a.ID = 50
		past("UPDATE articles SET title = 'another', category = 2 WHERE id = 1")
		must(t, gormcache.Invalidate(w.cached, &a))
		w.fresh(qs...)
		// The key was changed in the database.
		w.warm(qs...)
		var moved Article
		must(t, w.bare.First(&moved, 3).Error)
		past("UPDATE articles SET id = 60 WHERE id = 3")
		must(t, gormcache.Invalidate(w.cached, &moved))
		w.fresh(qs...)
		if got := w.answer(w.cached, at60); got == "not found" {
			t.Error("the row is not found under its new key")
		}
	})
}

// Seat is known by a key of two columns, and by another.
type Seat struct {
	Row    int    `gorm:"primaryKey;autoIncrement:false"`
	Number int    `gorm:"primaryKey;autoIncrement:false"`
	Hall   string `gorm:"size:20;uniqueIndex:ticket"`
	Ticket int    `gorm:"uniqueIndex:ticket"`
	Guest  string `gorm:"size:20"`
}

func TestInvalidateByKeysOfSeveralColumns(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		must(t, w.cached.AutoMigrate(&Seat{}))
		must(t, w.cached.Create(&[]Seat{{1, 1, "a", 1, "ann"}, {1, 2, "a", 2, "bob"}, {2, 1, "b", 1, "cid"}}).Error)
		at := func(row, number int) query { return first[Seat]("row = ? AND number = ?", row, number) }
		if w.engine == "mysql" { // a word of its own there
			at = func(row, number int) query { return first[Seat]("`row` = ? AND number = ?", row, number) }
		}
		for _, seat := range []Seat{{Row: 1, Number: 2, Guest: "bob"}, {Row: 9, Number: 9, Hall: "a", Ticket: 2, Guest: "bob"}} {
			w.warm(at(1, 1), at(1, 2), at(2, 1))
			must(t, w.bare.Model(&Seat{}).Where("ticket = 2").Update("guest", fmt.Sprint("after ", seat.Row)).Error)
			must(t, gormcache.Invalidate(w.cached, &seat))
			w.fresh(at(1, 2))
			if !w.same(at(1, 1)) || !w.same(at(2, 1)) {
				t.Error("another seat was dropped")
			}
		}
	})
}

func TestDepends(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		calls := 0
		f := cacheops.NewFunc(w.cache, "gorm", func(context.Context, int) (int, error) { calls++; return calls, nil },
			cacheops.DependsOn(gormcache.Depends(w.cached.Model(&Article{}).Where("category = ?", 1))))
		call := func() int {
			t.Helper()
			n, err := f.Call(context.Background(), 0)
			must(t, err)
			return n
		}
		was := call()
		if call() != was {
			t.Fatal("not kept")
		}
		must(t, w.cached.Model(&Article{ID: 5}).Update("title", "elsewhere").Error)
		if call() != was {
			t.Error("dropped by another category's row")
		}
		must(t, w.cached.Model(&Article{ID: 1}).Update("title", "here").Error)
		if call() == was {
			t.Error("not dropped by a row of the query's")
		}
		// By capture: what GORM reads with the function's context.
		reads := 0
		titles := cacheops.NewFunc(w.cache, "titles", func(ctx context.Context, category int) ([]string, error) {
			reads++
			var out []string
			err := w.cached.WithContext(ctx).Model(&Article{}).Where("category = ?", category).Order("id").Pluck("title", &out).Error
			return out, err
		})
		for i := range 4 {
			got, err := titles.Call(context.Background(), 1)
			must(t, err)
			var want []string
			must(t, w.bare.Model(&Article{}).Where("category = ?", 1).Order("id").Pluck("title", &want).Error)
			if text(t, got) != text(t, want) {
				t.Errorf("%v, want %v", got, want)
			}
			if i == 1 {
				must(t, w.cached.Model(&Article{ID: 2}).Update("title", "captured").Error)
			}
		}
		if reads != 2 {
			t.Errorf("the function ran %d times, want 2", reads)
		}
	})
}

func TestCompile(t *testing.T) {
	eachEngine(t, setup{}, func(w *world) {
		ctx := context.Background()
		byCategory, err := gormcache.Compile[Article](w.cached, func(tx *gorm.DB) *gorm.DB {
			return tx.Where("category = ? AND id <> ?", gormcache.Arg(0), gormcache.Arg(1)).Order("id")
		})
		must(t, err)
		bare := func(category, id int) string {
			var out []Article
			must(t, w.bare.Where("category = ? AND id <> ?", category, id).Order("id").Find(&out).Error)
			return text(t, out)
		}
		check := func() {
			t.Helper()
			for _, args := range [][2]int{{1, 2}, {2, 1}, {1, 3}, {7, 1}} {
				for range 3 {
					got, err := byCategory.Find(ctx, args[0], args[1])
					must(t, err)
					if text(t, got) != bare(args[0], args[1]) {
						t.Fatalf("%v: %s, want %s", args, text(t, got), bare(args[0], args[1]))
					}
					one, err := byCategory.First(ctx, args[0], args[1])
					var want Article
					wantErr := w.bare.Where("category = ? AND id <> ?", args[0], args[1]).Order("id").First(&want).Error
					if !errors.Is(err, wantErr) || text(t, one) != text(t, want) {
						t.Fatalf("%v: %v %v, want %v %v", args, one, err, want, wantErr)
					}
				}
			}
		}
		check()
		must(t, w.cached.Model(&Article{ID: 1}).Updates(map[string]any{"category": 2, "title": "moved"}).Error)
		check()
		err = w.cached.Transaction(func(tx *gorm.DB) error {
			must(t, tx.Model(&Article{ID: 2}).Update("title", "inside").Error)
			got, err := byCategory.In(tx).Find(ctx, 1, 3)
			must(t, err)
			if got[0].Title != "inside" {
				t.Errorf("in the transaction: %v", got[0].Title)
			}
			return errChanged
		})
		if !errors.Is(err, errChanged) {
			t.Fatal(err)
		}
		check()
		for _, args := range [][]any{{1}, {1, nil}, {1, []int{1}}, {1, 2, 3}, {1, (*int)(nil)}} {
			if _, err := byCategory.Find(ctx, args...); err == nil {
				t.Errorf("%v was accepted", args)
			}
		}
		if _, err := gormcache.Compile[Article](w.cached, func(tx *gorm.DB) *gorm.DB { return tx.Preload("Author") }); err == nil {
			t.Error("preloads were accepted")
		}
		if _, err := gormcache.Compile[Article](w.bare, func(tx *gorm.DB) *gorm.DB { return tx }); err == nil {
			t.Error("a db without the plugin was accepted")
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := byCategory.Find(cancelled, 1, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		off, err := gormcache.Compile[Article](w.cached.Scopes(gormcache.NoCache()), func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) })
		must(t, err)
		before := total(w.cache.Stats())
		for range 3 {
			_, err := off.First(ctx, 1)
			must(t, err)
		}
		if now := total(w.cache.Stats()); now.hits != before.hits {
			t.Error("a scope of a compiled query was not heeded")
		}
	})
}

// TestSessionsOfTheirOwn has the pool hold a connection that sees other tables
// under the same names: what it reads must not be taken for the others'.
func TestSessionsOfTheirOwn(t *testing.T) {
	w := small(t, setup{})
	pool, err := w.cached.DB()
	must(t, err)
	ctx := context.Background()
	chain := func(db *gorm.DB) *gorm.DB { return db.Table("articles").Where("id < ?", 3).Order("id") }
	q := find[Brief](chain)
	odd, err := pool.Conn(ctx)
	must(t, err)
	_, err = odd.ExecContext(ctx, "CREATE TEMP TABLE articles AS SELECT id, 'temporary' AS title FROM main.articles")
	must(t, err)
	// The rows are kept, and no objects yet.
	built := chain(w.cached.Session(&gorm.Session{DryRun: true})).Find(&[]Brief{}).Statement
	for range 3 {
		rows, err := pool.QueryContext(ctx, built.SQL.String(), built.Vars...)
		must(t, err)
		if _, err = all(rows); err != nil {
			t.Fatal(err)
		}
		must(t, rows.Close())
	}
	must(t, odd.Close())
	w.answer(w.cached, q) // a hit, run over the connection that was given back last
	odd, err = pool.Conn(ctx)
	must(t, err)
	defer odd.Close()
	for range 3 {
		if got := w.answer(w.cached, q); strings.Contains(got, "temporary") {
			t.Fatalf("another session's rows: %s", got)
		}
	}
}
