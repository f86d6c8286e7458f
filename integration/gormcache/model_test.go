package gormcache

import (
	"encoding/json"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
)

type Author struct {
	ID       uint
	Name     string `gorm:"size:100"`
	Articles []Article
	Notes    []Comment `gorm:"polymorphic:Owner"`
}

type Article struct {
	ID        uint
	AuthorID  *uint
	Author    *Author
	Category  int
	Title     string  `gorm:"size:200"`
	Slug      *string `gorm:"size:100;uniqueIndex"`
	Views     int
	Body      []byte
	Meta      map[string]any `gorm:"serializer:json"`
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Tags      []Tag     `gorm:"many2many:article_tags"`
	Comments  []Comment `gorm:"polymorphic:Owner"`
}

type Tag struct {
	ID   uint
	Name string `gorm:"size:100"`
}

type Comment struct {
	ID        uint
	OwnerID   uint
	OwnerType string `gorm:"size:50"`
	Text      string `gorm:"size:200"`
	Place     `gorm:"embedded;embeddedPrefix:at_"`
}

type Place struct{ Line, Column int }

// Brief is an article of fewer columns.
type Brief struct {
	ID    uint
	Title string
}

var models = []any{&Author{}, &Article{}, &Tag{}, &Comment{}, &Ledger{}}

// migrate makes the tables, through the cache.
func (w *world) migrate() {
	w.Helper()
	must(w, w.cached.AutoMigrate(models...))
}

// wipe empties them.
func (w *world) wipe() {
	w.Helper()
	for _, table := range []string{"article_tags", "comments", "articles", "tags", "authors", "ledgers"} {
		must(w, w.cached.Exec("DELETE FROM "+table).Error)
	}
}

// query is a program's read.
type query func(db *gorm.DB) (any, error)

// find reads a list of M.
func find[M any](chain func(db *gorm.DB) *gorm.DB) query {
	return func(db *gorm.DB) (any, error) {
		var out []M
		err := chain(db).Find(&out).Error
		return out, err
	}
}

// first reads one M by key.
func first[M any](conds ...any) query {
	return func(db *gorm.DB) (any, error) {
		var out M
		err := db.First(&out, conds...).Error
		return out, err
	}
}

func count[M any](conds string, args ...any) query {
	return func(db *gorm.DB) (any, error) {
		var n int64
		err := db.Model(new(M)).Where(conds, args...).Count(&n).Error
		return n, err
	}
}

// answer is what a query says, as text. Not to find a row is an answer.
func (w *world) answer(db *gorm.DB, q query) string {
	w.Helper()
	v, err := q(db)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "not found"
	}
	must(w, err)
	b, err := json.Marshal(v)
	must(w, err)
	return string(b)
}

// same compares a query with the database, and says whether all its reads were
// hits.
func (w *world) same(q query) (hit bool) {
	w.Helper()
	before := w.cache.Stats()
	cached := w.answer(w.cached, q)
	after := w.cache.Stats()
	if bare := w.answer(w.bare, q); cached != bare {
		w.Fatalf("the cache says  %s\nthe database    %s", cached, bare)
	}
	was, is := total(before), total(after)
	return is.hits > was.hits && is.others == was.others
}

type reads struct{ hits, others uint64 }

func total(s cacheops.Stats) (t reads) {
	for _, c := range s.Reads {
		t.hits += c.Hits
		t.others += c.Misses + c.Bypassed
	}
	return t
}

// warm reads until it is a hit, and then once more, which is answered from
// objects.
func (w *world) warm(qs ...query) {
	w.Helper()
	for _, q := range qs {
		for end := time.Now().Add(trial.Patience); !w.same(q); {
			if time.Now().After(end) {
				w.Fatalf("never a hit: %+v", w.cache.Stats())
			}
		}
		for range 2 {
			if !w.same(q) {
				w.Fatal("a hit no more")
			}
		}
	}
}

// fresh checks that queries give what the database gives.
func (w *world) fresh(qs ...query) {
	w.Helper()
	for _, q := range qs {
		w.same(q)
	}
}
