package gormcache

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
	"gorm.io/plugin/dbresolver"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gormcache"
)

// Page is a model that a program names by a text.
type Page struct {
	ID    string `gorm:"primaryKey"`
	Title string
}

// A key is a value, whatever it looks like.
func TestOnSaveOfTexts(t *testing.T) {
	w := newWorld(t, "sqlite", "memory", setup{rules: []cacheops.Rule{{Tables: "pages", Ops: cacheops.All, CacheOnSave: []string{cacheops.PrimaryKey}}}})
	must(t, w.cached.AutoMigrate(&Page{}))
	for _, key := range []string{"about", "1=1; DELETE FROM pages; --", "7", "a ? b", "@name", "it's"} {
		must(t, w.cached.Create(&Page{ID: key, Title: "new"}).Error)
		if !w.same(first[Page]("id = ?", key)) {
			t.Errorf("%q: no hit after Create", key)
		}
	}
	if got := w.answer(w.bare, count[Page]("1 = 1")); got != "6" {
		t.Fatalf("%s pages are left", got)
	}
}

// State is one of a few values that programs compare by address, and that know
// each other.
type State struct{ *Kind }

type Kind struct {
	Name string
	Next *Kind
}

var open = func() *Kind {
	open, shut := &Kind{Name: "open"}, &Kind{Name: "shut"}
	open.Next, shut.Next = shut, open
	return open
}()

func (s *State) Scan(any) error { s.Kind = open; return nil }

func (State) Value() (driver.Value, error) { return open.Name, nil }

type Door struct {
	ID    uint
	State State `gorm:"type:text"`
}

func TestScannersOfSharedValues(t *testing.T) {
	w := newWorld(t, "sqlite", "memory", setup{})
	must(t, w.cached.AutoMigrate(&Door{}))
	must(t, w.cached.Create(&Door{ID: 1, State: State{open}}).Error)
	for range 4 {
		var d Door
		var list []Door
		must(t, w.cached.First(&d, 1).Error)
		must(t, w.cached.Find(&list).Error)
		if d.State.Kind != open || list[0].State.Kind != open {
			t.Fatal("a value that a Scanner has chosen was copied")
		}
	}
}

func (h *hookedByName) AfterFind(*gorm.DB) error { h.Title += "!"; return nil }

type hookedByName struct {
	ID    uint
	Title string
}

func (*hookedByName) TableName() string { return "articles" }

func TestCompileLikeTheChain(t *testing.T) {
	w := small(t, setup{})
	ctx := context.Background()
	byKey := func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) }
	t.Run("pointers", func(t *testing.T) {
		q, err := gormcache.Compile[*hookedByName](w.cached, byKey)
		must(t, err)
		var want []*hookedByName
		must(t, w.bare.Where("id = ?", 1).Find(&want).Error)
		for range 4 {
			got, err := q.Find(ctx, 1)
			must(t, err)
			one, err := q.First(ctx, 1)
			must(t, err)
			if text(t, got) != text(t, want) || text(t, one) != text(t, want[0]) {
				t.Fatalf("%s %s, want %s", text(t, got), text(t, one), text(t, want))
			}
		}
	})
	for name, chain := range map[string]func(*gorm.DB) *gorm.DB{
		"mapped":   func(tx *gorm.DB) *gorm.DB { return tx.MapColumns(map[string]string{"slug": "title", "title": "slug"}) },
		"unhooked": func(tx *gorm.DB) *gorm.DB { return tx.Session(&gorm.Session{SkipHooks: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			q, err := gormcache.Compile[hookedByName](w.cached, func(tx *gorm.DB) *gorm.DB { return byKey(chain(tx)) })
			must(t, err)
			var want []hookedByName
			must(t, chain(w.bare.Model(&hookedByName{})).Where("id = ?", 1).Find(&want).Error)
			for range 4 {
				got, err := q.Find(ctx, 1)
				must(t, err)
				one, err := q.First(ctx, 1)
				must(t, err)
				if text(t, got) != text(t, want) || text(t, one) != text(t, want[0]) {
					t.Fatalf("%s %s, want %s", text(t, got), text(t, one), text(t, want))
				}
			}
		})
	}
	t.Run("joined", func(t *testing.T) {
		chain := func(tx *gorm.DB) *gorm.DB {
			return tx.Joins("Author").Order("articles.id")
		}
		q, err := gormcache.Compile[Article](w.cached, chain)
		must(t, err)
		var want []Article
		must(t, chain(w.bare.Model(&Article{})).Find(&want).Error)
		for range 4 {
			got, err := q.Find(ctx)
			must(t, err)
			if text(t, got) != text(t, want) {
				t.Fatalf("%s, want %s", text(t, got), text(t, want))
			}
		}
	})
	t.Run("nothing", func(t *testing.T) {
		q, err := gormcache.Compile[Article](w.cached, func(tx *gorm.DB) *gorm.DB {
			return tx.Where(map[string]any{"slug": gormcache.Arg(0)})
		})
		must(t, err)
		if got, err := q.Find(ctx, sql.NullString{}); err == nil {
			var want []Article
			must(t, w.bare.Where(map[string]any{"slug": sql.NullString{}}).Find(&want).Error)
			t.Errorf("%d rows, want %d or an error", len(got), len(want))
		}
	})
}

// Callbacks of other packages are run by hits of a compiled query, too, whenever
// they were registered.
func TestCompiledQueriesRunCallbacks(t *testing.T) {
	shout := func(tx *gorm.DB) {
		if tags, ok := tx.Statement.Dest.(*[]Tag); ok {
			for i := range *tags {
				(*tags)[i].Name += "!"
			}
		}
	}
	for _, late := range []bool{false, true} {
		w := newWorld(t, "sqlite", "memory", setup{})
		w.migrate()
		must(t, w.cached.Create(&Tag{ID: 1, Name: "a"}).Error)
		register := func() { must(t, w.cached.Callback().Query().After("gorm:query").Register("shout", shout)) }
		if !late {
			register()
		}
		q, err := gormcache.Compile[Tag](w.cached, func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) })
		must(t, err)
		for i := range 8 {
			if late && i == 4 {
				register()
			}
			want := "a"
			if !late || i >= 4 {
				want = "a!"
			}
			tags, err := q.Find(context.Background(), 1)
			must(t, err)
			if tags[0].Name != want {
				t.Errorf("registered late %v: read %d is %q, want %q", late, i, tags[0].Name, want)
			}
		}
	}
}

func TestCompileElsewhere(t *testing.T) {
	w, other := newWorld(t, "sqlite", "memory", setup{}), newWorld(t, "sqlite", "memory", setup{})
	for i, w := range []*world{w, other} {
		w.migrate()
		must(t, w.cached.Create(&Tag{ID: 1, Name: fmt.Sprint("of ", i)}).Error)
	}
	resolver := dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{other.open()}}, "other")
	must(t, w.cached.Use(resolver))
	t.Cleanup(func() {
		must(t, resolver.Call(func(pool gorm.ConnPool) error { return pool.(*sql.DB).Close() }))
	})
	chain := func(tx *gorm.DB) *gorm.DB {
		return tx.Clauses(dbresolver.Use("other")).Where("id = ?", gormcache.Arg(0))
	}
	q, err := gormcache.Compile[Tag](w.cached, chain)
	must(t, err)
	for range 4 {
		got, err := q.First(context.Background(), 1)
		must(t, err)
		if got.Name != "of 1" {
			t.Fatalf("the tag is %q", got.Name)
		}
	}
}

// who is a serializer of what the caller says.
type who struct{}

func (who) Scan(ctx context.Context, field *schema.Field, dst reflect.Value, v any) error {
	s, _ := ctx.Value(who{}).(string)
	field.ReflectValueOf(ctx, dst).SetString(s)
	return nil
}

func (who) Value(_ context.Context, _ *schema.Field, _ reflect.Value, v any) (any, error) {
	return v, nil
}

type Owner struct {
	ID   uint
	Name string `gorm:"serializer:who"`
}

type Thing struct {
	ID      uint
	OwnerID uint
	Owner   Owner
}

func TestRelatedColumnsSeeTheirCaller(t *testing.T) {
	schema.RegisterSerializer("who", who{})
	w := newWorld(t, "sqlite", "memory", setup{})
	must(t, w.cached.AutoMigrate(&Owner{}, &Thing{}))
	must(t, w.cached.Create(&Thing{ID: 1, Owner: Owner{ID: 1, Name: "n"}}).Error)
	for range 4 {
		for _, name := range []string{"ann", "bob"} {
			ctx := context.WithValue(context.Background(), who{}, name)
			var th []Thing
			derived := w.cached.WithContext(ctx).Table("(SELECT things.id AS id, owners.name AS Owner__name FROM things, owners WHERE owners.id = things.owner_id) things")
			must(t, derived.Find(&th).Error)
			if th[0].Owner.Name != name {
				t.Errorf("%q to %q", th[0].Owner.Name, name)
			}
			var tj []Thing
			must(t, w.cached.WithContext(ctx).Joins("Owner").Find(&tj).Error)
			if tj[0].Owner.Name != name {
				t.Errorf("joins %q to %q", tj[0].Owner.Name, name)
			}
		}
	}
}

// The tables that preloads read would be missing.
func TestDependsRefusesPreloads(t *testing.T) {
	w := small(t, setup{})
	comments := func(db *gorm.DB) *gorm.DB { return db.Preload("Comments") }
	for name, query := range map[string]*gorm.DB{
		"preload": comments(w.cached.Model(&Article{})),
		"scope":   w.cached.Model(&Article{}).Scopes(comments),
	} {
		f := cacheops.NewFunc(w.cache, name, func(context.Context, int) (string, error) {
			return w.answer(w.bare, find[Article](comments)), nil
		}, cacheops.DependsOn(gormcache.Depends(query)))
		for i := range 3 {
			got, err := f.Call(context.Background(), 0)
			if want := w.answer(w.bare, find[Article](comments)); err == nil && got != want {
				t.Fatalf("%s: %s, want %s", name, got, want)
			} else if err == nil {
				t.Errorf("%s: accepted", name)
			}
			must(t, w.cached.Create(&Comment{OwnerID: 1, OwnerType: "articles", Text: fmt.Sprint(i)}).Error)
		}
	}
}

// Keeping is a text that its Scan does not copy.
type Keeping []byte

func (k *Keeping) Scan(v any) error {
	*k, _ = v.([]byte)
	return nil
}

type Leaf struct {
	ID   uint
	Body Keeping `gorm:"type:blob"`
}

func TestScannersThatKeepBytes(t *testing.T) {
	w := newWorld(t, "sqlite", "memory", setup{})
	must(t, w.cached.AutoMigrate(&Leaf{}))
	must(t, w.cached.Exec("INSERT INTO leafs (id, body) VALUES (1, x'61'), (2, x'62')").Error)
	w.warm(find[Leaf](func(db *gorm.DB) *gorm.DB { return db.Order("id") }))
}

// What a pointer points at is part of the key; where it happens to be is not.
func TestExtraIsItsContent(t *testing.T) {
	w := small(t, manual)
	type viewer struct{ Tenant *int }
	of := func(tenant int) query {
		return find[Article](func(db *gorm.DB) *gorm.DB {
			return db.Scopes(gormcache.Extra(viewer{&tenant})).Where("id = ?", 1)
		})
	}
	if w.same(of(1)) || !w.same(of(1)) || w.same(of(2)) {
		t.Error("values behind a pointer are not told apart by what they are")
	}
	tenant := 3
	v := gormcache.Extra(viewer{&tenant})
	w.same(find[Article](func(db *gorm.DB) *gorm.DB { return db.Scopes(v).Where("id = ?", 1) }))
	tenant = 4 // in place: another viewer
	if w.same(find[Article](func(db *gorm.DB) *gorm.DB {
		return db.Scopes(gormcache.Extra(viewer{&tenant})).Where("id = ?", 1)
	})) {
		t.Error("another's rows, for the value is where his was")
	}
	if err := w.cached.Scopes(gormcache.Extra(func() {})).Find(&[]Article{}).Error; err == nil {
		t.Error("a function was taken for a key")
	}
	if err := gorm.G[Article](w.cached, gormcache.Extra(func() {})).Exec(context.Background(), "SELECT 1"); err == nil {
		t.Error("a function was taken for a key by the generic API")
	}
}
