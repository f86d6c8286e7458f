package gormcache

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops"
)

var situations = []struct {
	name string
	run  func(*world)
}{
	{"create", create},
	{"create after a cached miss by key", createAfterMiss},
	{"update by Save", updateBySave},
	{"update by Where", updateByWhere},
	{"update of the filter column", updateOfFilter},
	{"mass update", massUpdate},
	{"delete", deleteOne},
	{"mass delete", massDelete},
	{"count", counts},
	{"raw SQL", rawSQL},
	{"own writes inside a transaction", ownWrites},
	{"uncommitted data seen outside", uncommitted},
	{"rolled-back data", rolledBack},
	{"outside read between write and commit", readBetween},
	{"fill overtaken by a write", overtaken},
	{"joins, preload and subquery when the other table changes", otherTable},
	{"many2many through the join table", manyToMany},
	{"a DTO of fewer columns, then the full model", fewerColumns},
}

// TestSituations is what caches of ORMs are known to get wrong.
func TestSituations(t *testing.T) {
	everywhere(t, setup{}, func(w *world) {
		w.migrate()
		for _, s := range situations {
			w.TB.(*testing.T).Run(s.name, func(t *testing.T) {
				at := *w
				at.TB = t
				at.wipe()
				at.seed()
				s.run(&at)
			})
		}
	})
}

// seed makes two authors and six articles in two categories.
func (w *world) seed() {
	w.Helper()
	authors := []Author{{ID: 1, Name: "ann"}, {ID: 2, Name: "bob"}}
	must(w, w.cached.Create(&authors).Error)
	var articles []Article
	for i := range 6 {
		slug := string(rune('a' + i))
		articles = append(articles, Article{
			ID: uint(i + 1), AuthorID: &authors[i%2].ID, Category: 1 + i/3, Title: "title " + slug, Slug: &slug,
			Body: []byte(slug), Meta: map[string]any{"n": i, "list": []any{"x", 1.5}},
		})
	}
	must(w, w.cached.Create(&articles).Error)
	if w.engine == "postgres" { // its sequences do not know of keys that were given
		for _, table := range []string{"articles", "tags", "comments"} {
			must(w, w.cached.Exec("SELECT setval(pg_get_serial_sequence(?, 'id'), 1000)", table).Error)
		}
	}
}

var (
	byID1    = first[Article](1)
	inCat1   = find[Article](func(db *gorm.DB) *gorm.DB { return db.Where("category = ?", 1).Order("id") })
	inCat2   = find[*Article](func(db *gorm.DB) *gorm.DB { return db.Where(&Article{Category: 2}).Order("id") })
	ofCat1   = count[Article]("category = ?", 1)
	allCount = count[Article]("1 = 1")
	titles   = func(db *gorm.DB) (any, error) {
		var out []string
		err := db.Model(&Article{}).Where("category = ?", 1).Order("id").Pluck("title", &out).Error
		return out, err
	}
	usual = []query{byID1, inCat1, inCat2, ofCat1, allCount, titles}

	// ofEach reads every table.
	ofEach = []query{
		allCount, count[Author]("1 = 1"), count[Comment]("1 = 1"), count[Tag]("1 = 1"), count[Ledger]("1 = 1"),
		func(db *gorm.DB) (any, error) {
			var n int64
			err := db.Table("article_tags").Count(&n).Error
			return n, err
		},
	}
)

// around warms the usual queries, writes, and compares them.
func (w *world) around(write func(db *gorm.DB) error) {
	w.Helper()
	w.warm(usual...)
	must(w, write(w.cached))
	w.fresh(usual...)
	w.warm(usual...)
}

func create(w *world) {
	w.around(func(db *gorm.DB) error { return db.Create(&Article{Category: 1, Title: "new"}).Error })
	w.around(func(db *gorm.DB) error {
		return db.CreateInBatches([]Article{{Category: 1, Title: "b1"}, {Category: 2, Title: "b2"}, {Category: 1, Title: "b3"}}, 2).Error
	})
	w.around(func(db *gorm.DB) error {
		return db.Model(&Article{}).Create(map[string]any{"category": 1, "title": "by map", "views": 0}).Error
	})
}

func createAfterMiss(w *world) {
	missing := first[Article](77)
	bySlug := first[Article]("slug = ?", "later")
	w.warm(missing, bySlug)
	slug := "later"
	must(w, w.cached.Create(&Article{ID: 77, Category: 1, Title: "late", Slug: &slug}).Error)
	w.fresh(missing, bySlug)
	if got := w.answer(w.cached, missing); !strings.Contains(got, "late") {
		w.Fatalf("still %s", got)
	}
}

func updateBySave(w *world) {
	w.around(func(db *gorm.DB) error {
		var a Article
		if err := db.First(&a, 1).Error; err != nil {
			return err
		}
		a.Title = "saved"
		return db.Save(&a).Error
	})
	w.around(func(db *gorm.DB) error { return db.Save(&Article{ID: 90, Category: 1, Title: "upsert"}).Error })
	w.around(func(db *gorm.DB) error { return db.Save(&Article{ID: 1, Category: 2, Title: "over"}).Error })
}

func updateByWhere(w *world) {
	w.around(func(db *gorm.DB) error { return db.Model(&Article{}).Where("id = ?", 1).Update("title", "where").Error })
	w.around(func(db *gorm.DB) error {
		return db.Model(&Article{ID: 1}).UpdateColumn("views", gorm.Expr("views + 1")).Error
	})
	w.around(func(db *gorm.DB) error {
		return db.Model(&Article{}).Where("slug = ?", "b").Updates(map[string]any{"title": "by slug", "views": 5}).Error
	})
}

func updateOfFilter(w *world) {
	w.around(func(db *gorm.DB) error { return db.Model(&Article{ID: 1}).Update("category", 2).Error })
	w.around(func(db *gorm.DB) error { return db.Model(&Article{ID: 5}).Updates(Article{Category: 1}).Error })
}

func massUpdate(w *world) {
	w.around(func(db *gorm.DB) error {
		return db.Model(&Article{}).Where("category = ?", 1).Update("title", "all of one").Error
	})
	w.around(func(db *gorm.DB) error {
		return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&Article{}).Update("category", gorm.Expr("3 - category")).Error
	})
}

func deleteOne(w *world) {
	w.around(func(db *gorm.DB) error { return db.Delete(&Article{}, 1).Error })
	w.around(func(db *gorm.DB) error { return db.Unscoped().Delete(&Article{ID: 2}).Error })
	w.around(func(db *gorm.DB) error {
		return db.Unscoped().Model(&Article{}).Where("id = ?", 1).Update("deleted_at", nil).Error // undeleted
	})
}

func massDelete(w *world) {
	w.around(func(db *gorm.DB) error { return db.Where("category = ?", 1).Delete(&Article{}).Error })
	w.around(func(db *gorm.DB) error { return db.Unscoped().Where("id > ?", 4).Delete(&Article{}).Error })
}

func counts(w *world) {
	grouped := func(db *gorm.DB) (any, error) {
		var out []struct {
			Category int
			N        int64
		}
		err := db.Model(&Article{}).Select("category, count(*) AS n").Group("category").Order("category").Scan(&out).Error
		return out, err
	}
	w.warm(ofCat1, allCount, grouped)
	must(w, w.cached.Create(&Article{Category: 1}).Error)
	w.fresh(ofCat1, allCount, grouped)
	w.warm(ofCat1, allCount, grouped)
	must(w, w.cached.Delete(&Article{}, "category = ?", 2).Error)
	w.fresh(ofCat1, allCount, grouped)
}

func rawSQL(w *world) {
	raw := func(db *gorm.DB) (any, error) {
		var out []Brief
		err := db.Raw("SELECT id, title FROM articles WHERE category = ? ORDER BY id", 1).Scan(&out).Error
		return out, err
	}
	rows := func(db *gorm.DB) (any, error) {
		var title string
		err := db.Raw("SELECT title FROM articles WHERE id = ?", 1).Row().Scan(&title)
		return title, err
	}
	w.warm(raw, rows)
	w.around(func(db *gorm.DB) error {
		return db.Exec("UPDATE articles SET title = ? WHERE id = ?", "raw", 1).Error
	})
	w.fresh(raw, rows)
	w.around(func(db *gorm.DB) error {
		pool, err := db.DB()
		if err != nil {
			return err
		}
		_, err = pool.Exec("UPDATE articles SET title = 'pool' WHERE category = 1")
		return err
	})
	w.fresh(raw, rows)
}

func ownWrites(w *world) {
	w.warm(usual...)
	must(w, w.cached.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&Article{ID: 1}).Update("title", "inside").Error; err != nil {
			return err
		}
		if got := w.answer(tx, byID1); !strings.Contains(got, "inside") {
			w.Errorf("the transaction does not see its own write: %s", got)
		}
		return tx.Transaction(func(nested *gorm.DB) error {
			if err := nested.Delete(&Article{}, 2).Error; err != nil {
				return err
			}
			if got := w.answer(nested, ofCat1); got != "2" {
				w.Errorf("inside it counts %s", got)
			}
			return nil
		})
	}))
	w.fresh(usual...)
}

func uncommitted(w *world) {
	w.warm(usual...)
	before := w.answer(w.cached, byID1)
	must(w, w.cached.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&Article{ID: 1}).Update("title", "not yet").Error; err != nil {
			return err
		}
		w.fresh(usual...)
		if got := w.answer(w.cached, byID1); got != before {
			w.Errorf("outside sees %s", got)
		}
		return nil
	}))
	w.fresh(usual...)
}

var errChanged = errors.New("changed my mind")

func rolledBack(w *world) {
	w.warm(usual...)
	err := w.cached.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&Article{ID: 1}).Update("title", "never").Error; err != nil {
			return err
		}
		w.answer(tx, byID1) // what is read inside must not be kept
		w.answer(tx, inCat1)
		return errChanged
	})
	if !errors.Is(err, errChanged) {
		w.Fatal(err)
	}
	w.fresh(usual...)
	w.warm(usual...)
	must(w, w.cached.Transaction(func(tx *gorm.DB) error {
		err := tx.Transaction(func(nested *gorm.DB) error {
			if err := nested.Model(&Article{ID: 2}).Update("category", 2).Error; err != nil {
				return err
			}
			return errChanged
		})
		if !errors.Is(err, errChanged) {
			return err
		}
		return tx.Model(&Article{ID: 1}).Update("title", "kept").Error
	}))
	w.fresh(usual...)
}

func readBetween(w *world) {
	must(w, w.cached.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&Article{}).Where("category = ?", 1).Update("title", "between").Error; err != nil {
			return err
		}
		w.fresh(usual...) // filled now, with what was
		w.fresh(usual...)
		return nil
	}))
	w.fresh(usual...)
	if got := w.answer(w.cached, byID1); !strings.Contains(got, "between") {
		w.Errorf("after the commit: %s", got)
	}
}

// overtaking lets a write happen after a read has been loaded, before it is kept.
type overtaking struct {
	cacheops.Store
	mu   sync.Mutex
	next func()
}

func (o *overtaking) Put(ctx context.Context, k *cacheops.Key, e *cacheops.Entry) error {
	o.mu.Lock()
	next := o.next
	o.next = nil
	o.mu.Unlock()
	if next != nil {
		next()
	}
	return o.Store.Put(ctx, k, e)
}

func overtaken(w *world) {
	for _, q := range usual {
		must(w, w.cached.Exec("UPDATE articles SET views = views, category = category").Error) // all is dropped
		wrote := false
		w.store.mu.Lock()
		w.store.next = func() {
			wrote = true
			must(w, w.cached.Model(&Article{}).Where("id = ?", 1).Updates(map[string]any{"title": "overtaken", "category": gorm.Expr("3 - category")}).Error)
		}
		w.store.mu.Unlock()
		w.answer(w.cached, q)
		if !wrote {
			w.store.mu.Lock()
			w.store.next = nil
			w.store.mu.Unlock()
			if !w.same(q) {
				w.Error("not a hit, and nothing was overtaken")
			}
			continue
		}
		w.fresh(q)
	}
}

func otherTable(w *world) {
	joined := find[Article](func(db *gorm.DB) *gorm.DB {
		return db.Joins("Author").Where("articles.category = ?", 1).Order("articles.id")
	})
	inner := find[Article](func(db *gorm.DB) *gorm.DB {
		return db.InnerJoins("Author", w.bare.Where(&Author{Name: "ann"})).Order("articles.id")
	})
	preloaded := find[Article](func(db *gorm.DB) *gorm.DB {
		return db.Preload("Author").Preload("Tags").Preload("Comments", "text <> ?", "").Order("id")
	})
	nested := find[Author](func(db *gorm.DB) *gorm.DB {
		return db.Preload("Articles.Tags").Preload("Articles.Comments").Order("id")
	})
	under := find[Article](func(db *gorm.DB) *gorm.DB {
		return db.Where("author_id IN (?)", db.Session(&gorm.Session{NewDB: true}).Model(&Author{}).Select("id").Where("name = ?", "ann")).Order("id")
	})
	qs := []query{joined, inner, preloaded, nested, under}
	for _, write := range []func(db *gorm.DB) error{
		func(db *gorm.DB) error { return db.Model(&Author{ID: 1}).Update("name", "eve").Error },
		func(db *gorm.DB) error { return db.Model(&Author{ID: 2}).Update("name", "ann").Error },
		func(db *gorm.DB) error {
			return db.Model(&Article{ID: 1}).Association("Comments").Append(&Comment{Text: "nice", Place: Place{1, 2}})
		},
		func(db *gorm.DB) error {
			return db.Model(&Comment{}).Where("text = ?", "nice").Update("text", "").Error
		},
		func(db *gorm.DB) error { return db.Model(&Article{ID: 1}).Update("author_id", 2).Error },
		func(db *gorm.DB) error { return db.Where("1 = 1").Delete(&Comment{}).Error },
	} {
		w.warm(qs...)
		must(w, write(w.cached))
		w.fresh(qs...)
	}
}

func manyToMany(w *world) {
	tagged := find[Article](func(db *gorm.DB) *gorm.DB { return db.Preload("Tags").Order("id") })
	ofOne := func(db *gorm.DB) (any, error) {
		var out []Tag
		err := db.Model(&Article{ID: 1}).Order("id").Association("Tags").Find(&out)
		return out, err
	}
	number := func(db *gorm.DB) (any, error) {
		a := db.Model(&Article{ID: 1}).Association("Tags")
		return a.Count(), a.Error
	}
	with := find[Article](func(db *gorm.DB) *gorm.DB {
		return db.Joins("JOIN article_tags at ON at.article_id = articles.id").Joins("JOIN tags t ON t.id = at.tag_id").Where("t.name = ?", "go").Order("articles.id")
	})
	qs := []query{tagged, ofOne, number, with}
	goTag, sqlTag := Tag{ID: 1, Name: "go"}, Tag{ID: 2, Name: "sql"}
	for _, write := range []func(a *gorm.Association) error{
		func(a *gorm.Association) error { return a.Append(&goTag) },
		func(a *gorm.Association) error { return a.Append(&sqlTag) },
		func(a *gorm.Association) error { return a.Replace(&sqlTag) },
		func(a *gorm.Association) error { return a.Append(&goTag) },
		func(a *gorm.Association) error { return a.Delete(&sqlTag) },
		func(a *gorm.Association) error { return a.Clear() },
	} {
		w.warm(qs...)
		must(w, write(w.cached.Model(&Article{ID: 1}).Association("Tags")))
		w.fresh(qs...)
	}
}

func fewerColumns(w *world) {
	brief := func(db *gorm.DB) (any, error) {
		var out []Brief
		err := db.Model(&Article{}).Where("category = ?", 1).Order("id").Find(&out).Error
		return out, err
	}
	selected := find[Article](func(db *gorm.DB) *gorm.DB { return db.Select("id", "title").Where("category = ?", 1).Order("id") })
	omitted := find[Article](func(db *gorm.DB) *gorm.DB { return db.Omit("body").Where("category = ?", 1).Order("id") })
	w.warm(brief, selected, inCat1, omitted)
	must(w, w.cached.Model(&Article{ID: 1}).Update("title", "all see it").Error)
	w.fresh(brief, selected, inCat1, omitted)
	w.warm(brief, selected, inCat1, omitted)
	must(w, w.cached.Model(&Article{ID: 1}).UpdateColumn("views", 9).Error)
	if !w.same(brief) {
		w.Error("a column that the DTO does not read has dropped it")
	}
	w.fresh(brief, selected, inCat1, omitted)
}
