package gormcache

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gormcache"
)

var (
	programSeed  = flag.Uint64("program.seed", 0, "the seed of one random program of TestPrograms; 0: the usual ones")
	programSteps = flag.Int("program.steps", 120, "how many steps a random program has")
)

// TestPrograms runs random programs of writes and reads through the cache, and
// compares every read, whole graphs of objects included, with the database.
func TestPrograms(t *testing.T) {
	rules := []cacheops.Rule{
		{Tables: "articles", Ops: cacheops.All, TTL: time.Hour, CacheOnSave: []string{cacheops.PrimaryKey, "slug"}},
		{Tables: "*", Ops: cacheops.All, TTL: time.Hour},
	}
	everywhere(t, setup{rules: rules}, func(w *world) {
		w.migrate()
		seeds := []uint64{*programSeed}
		if *programSeed == 0 {
			seeds = []uint64{1, 2, 3}
			if w.engine != "sqlite" { // a server takes its time
				seeds = seeds[:1]
			}
		}
		for _, seed := range seeds {
			w.wipe()
			w.seed()
			for id := range uint(3) {
				must(w, w.cached.Create(&Ledger{ID: id + 1, Version: Version{Int64: 1, Valid: true}}).Error)
			}
			p := &program{world: w, rng: rand.New(rand.NewPCG(seed, 0)), seed: seed}
			w.warm(ofEach...) // a new store has to learn first that nobody writes
			before := total(w.cache.Stats())
			p.run(*programSteps)
			if now := total(w.cache.Stats()); now.hits-before.hits < uint64(*programSteps)/2 {
				w.Errorf("seed %d: %d hits in %d steps: the program tests nothing: %+v", seed, now.hits-before.hits, *programSteps, w.cache.Stats())
			}
		}
	})
}

type program struct {
	*world
	rng  *rand.Rand
	seed uint64
	log  []string
	// reads are some that are made again and again, so that they are hits.
	reads []read
}

type read struct {
	name string
	query
}

func (p *program) run(steps int) {
	for range 12 {
		p.reads = append(p.reads, p.read())
	}
	for range steps {
		p.write()
		for range 4 {
			p.check(p.reads[p.rng.IntN(len(p.reads))])
		}
		if p.rng.IntN(3) == 0 {
			p.reads[p.rng.IntN(len(p.reads))] = p.read()
		}
	}
}

func (p *program) check(r read) {
	p.Helper()
	for range 1 + p.rng.IntN(3) {
		cached, bare := p.answer(p.cached, r.query), p.answer(p.bare, r.query)
		if cached != bare {
			p.Fatalf("seed %d: %s\nthe cache says %s\nthe database   %s\nafter\n%s", p.seed, r.name, cached, bare, strings.Join(p.log, "\n"))
		}
	}
}

func (p *program) id() uint { return uint(1 + p.rng.IntN(8)) }

func (p *program) small() int { return p.rng.IntN(4) }

func (p *program) word() string { return string(rune('a' + p.rng.IntN(6))) }

// cond is a random condition on articles.
func (p *program) cond() (string, []any) {
	switch p.rng.IntN(10) {
	case 0:
		return "articles.id = ?", []any{p.id()}
	case 1:
		return "category = ?", []any{p.small()}
	case 2:
		return "category IN ?", []any{[]int{p.small(), p.small()}}
	case 3:
		return "slug = ?", []any{p.word()}
	case 4:
		return "author_id = ? OR author_id IS NULL", []any{1 + p.rng.IntN(2)}
	case 5:
		return "views > ? AND category <> ?", []any{p.small(), p.small()}
	case 6:
		return "views BETWEEN ? AND ?", []any{p.small(), p.small() + 2}
	case 7:
		return "title LIKE ?", []any{p.word() + "%"}
	case 8:
		return "NOT (category = ?)", []any{p.small()}
	}
	return "EXISTS (SELECT 1 FROM comments WHERE comments.owner_id = articles.id AND comments.text = ?)", []any{p.word()}
}

// read makes a random chain with a finisher.
func (p *program) read() read {
	cond, args := p.cond()
	id, author := p.id(), uint(1+p.rng.IntN(2))
	name := fmt.Sprintf("%s %v (id %d, author %d)", cond, args, id, author)
	ordered := func(db *gorm.DB) *gorm.DB { return db.Order("id") }
	chain := func(db *gorm.DB) *gorm.DB { return db.Model(&Article{}).Where(cond, args...) }
	if p.rng.IntN(3) == 0 {
		more, moreArgs := p.cond()
		or := p.rng.IntN(2) == 0
		inner := chain
		name += fmt.Sprintf(" or %v %s %v", or, more, moreArgs)
		chain = func(db *gorm.DB) *gorm.DB {
			if or {
				return inner(db).Or(more, moreArgs...)
			}
			return inner(db).Not(more, moreArgs...)
		}
	}
	if p.rng.IntN(6) == 0 {
		inner := chain
		name += " unscoped"
		chain = func(db *gorm.DB) *gorm.DB { return inner(db).Unscoped() }
	}
	finishers := []struct {
		name string
		run  func(db *gorm.DB) (any, error)
	}{
		{"find", func(db *gorm.DB) (any, error) {
			var out []Article
			err := chain(db).Order("id").Find(&out).Error
			return out, err
		}},
		{"pointers", func(db *gorm.DB) (any, error) {
			var out []*Article
			err := chain(db).Order("views, id").Limit(2).Offset(1).Find(&out).Error
			return out, err
		}},
		{"graph", func(db *gorm.DB) (any, error) {
			var out []Article
			err := chain(db).Preload("Author.Articles").Preload("Author.Notes", ordered).Preload("Tags").Preload("Comments", ordered).Order("id").Find(&out).Error
			for i := range out { // a join table has no order
				sortTags(out[i].Tags)
			}
			return out, err
		}},
		{"joins", func(db *gorm.DB) (any, error) {
			var out []Article
			err := chain(db).Joins("Author").Order("articles.id").Find(&out).Error
			return out, err
		}},
		{"first", func(db *gorm.DB) (any, error) { var out Article; err := chain(db).First(&out).Error; return out, err }},
		{"last", func(db *gorm.DB) (any, error) { var out Article; err := chain(db).Last(&out).Error; return out, err }},
		{"count", func(db *gorm.DB) (any, error) { var n int64; err := chain(db).Count(&n).Error; return n, err }},
		{"pluck", func(db *gorm.DB) (any, error) {
			var out []sql.NullString
			err := chain(db).Order("id").Pluck("slug", &out).Error
			return out, err
		}},
		{"brief", func(db *gorm.DB) (any, error) {
			var out []Brief
			err := chain(db).Order("id").Find(&out).Error
			return out, err
		}},
		{"groups", func(db *gorm.DB) (any, error) {
			var out []struct{ Category, N, Most int }
			err := chain(db).Select("category, count(*) AS n, max(views) AS most").Group("category").Having("count(*) > ?", 0).Order("category").Scan(&out).Error
			return out, err
		}},
		{"authors", func(db *gorm.DB) (any, error) {
			var out []Author
			err := db.Where("id IN (?)", chain(db.Session(&gorm.Session{NewDB: true})).Select("author_id")).Order("id").Preload("Articles", append([]any{cond}, args...)...).Find(&out).Error
			return out, err
		}},
	}
	finishers = append(finishers, []struct {
		name string
		run  func(db *gorm.DB) (any, error)
	}{
		{"generic", func(db *gorm.DB) (any, error) {
			return gorm.G[Article](db).Where(cond, args...).Preload("Author", nil).Order("id").Find(context.Background())
		}},
		{"maps", func(db *gorm.DB) (any, error) {
			var out []map[string]any
			err := chain(db).Select("id", "title", "views").Order("id").Find(&out).Error
			return fmt.Sprint(out), err
		}},
		{"batches", func(db *gorm.DB) (any, error) {
			var out, batch []Article
			err := db.Where("category <> ?", author).FindInBatches(&batch, 2, func(*gorm.DB, int) error {
				out = append(out, batch...)
				return nil
			}).Error
			return out, err
		}},
		{"ledgers", func(db *gorm.DB) (any, error) {
			var out []Ledger
			err := db.Order("id").Find(&out).Error
			return out, err
		}},
		{"in place", func(db *gorm.DB) (any, error) {
			var out []Article
			err := gormcache.InPlace(db, func(tx *gorm.DB) error { return chain(tx).Order("id").Find(&out).Error })
			return out, err
		}},
		{"associated", func(db *gorm.DB) (any, error) {
			var tags []Tag
			var notes []Comment
			err := errors.Join(
				db.Model(&Article{ID: id}).Order("id").Association("Tags").Find(&tags),
				db.Model(&Author{ID: author}).Order("id").Association("Notes").Find(&notes),
			)
			return []any{tags, notes}, err
		}},
	}...)
	f := finishers[p.rng.IntN(len(finishers))]
	return read{f.name + ": " + name, f.run}
}

func sortTags(tags []Tag) {
	for i := range tags {
		for j := i; j > 0 && tags[j].ID < tags[j-1].ID; j-- {
			tags[j], tags[j-1] = tags[j-1], tags[j]
		}
	}
}

// write makes a random write, mostly of one statement.
func (p *program) write() {
	p.Helper()
	switch p.rng.IntN(8) {
	case 0:
		p.transaction(p.cached, 0)
	default:
		p.one(p.cached)
	}
}

// transaction writes and reads inside, and may roll back, as its savepoints may.
func (p *program) transaction(db *gorm.DB, depth int) {
	fails := p.rng.IntN(3) == 0
	p.log = append(p.log, fmt.Sprintf("transaction at depth %d, fails: %v", depth, fails))
	err := db.Transaction(func(tx *gorm.DB) error {
		for range 1 + p.rng.IntN(3) {
			p.one(tx)
			p.answer(tx, p.reads[p.rng.IntN(len(p.reads))].query)
			if depth == 0 && p.rng.IntN(3) == 0 {
				p.transaction(tx, 1)
			}
		}
		p.check(p.reads[p.rng.IntN(len(p.reads))]) // outside
		if fails {
			return errChanged
		}
		return nil
	})
	if err != nil && !errors.Is(err, errChanged) {
		p.Fatalf("seed %d: %v", p.seed, err)
	}
	p.log = append(p.log, "end")
}

// one makes one write whose error, if it has one, is a key that is taken: none of
// its values are.
func (p *program) one(db *gorm.DB) {
	p.Helper()
	cond, args := p.cond()
	id, n, word := p.id(), p.small(), p.word()
	author := uint(1 + p.rng.IntN(2))
	unique := fmt.Sprintf("%s%d-%d", word, p.seed, p.rng.Uint32())
	writes := []struct {
		name string
		run  func() error
	}{
		{"create", func() error {
			return db.Create(&Article{Category: n, Title: word, Slug: &unique, AuthorID: &author}).Error
		}},
		{"batch", func() error {
			return db.Create([]*Article{{Category: n, Views: n}, {Category: 1, Title: word, Comments: []Comment{{Text: word}}}}).Error
		}},
		{"upsert", func() error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&Article{ID: id, Category: n, Title: word, Views: n}).Error
		}},
		{"do nothing", func() error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Article{ID: id, Category: n, Title: word}).Error
		}},
		{"save", func() error { return db.Save(&Article{ID: id, Category: n, Title: word, Views: n}).Error }},
		{"update", func() error { return db.Model(&Article{ID: id}).Update("category", n).Error }},
		{"updates", func() error {
			return db.Model(&Article{}).Where(cond, args...).Updates(Article{Title: word, Views: n}).Error
		}},
		{"mass", func() error {
			return db.Model(&Article{}).Where("category = ?", n).Update("views", gorm.Expr("views + 1")).Error
		}},
		{"column", func() error { return db.Model(&Article{ID: id}).UpdateColumn("author_id", nil).Error }},
		{"delete", func() error { return db.Delete(&Article{}, id).Error }},
		{"restore", func() error {
			return db.Unscoped().Model(&Article{}).Where("id < ?", 8).Update("deleted_at", nil).Error
		}},
		{"tag", func() error { return db.Model(&Article{ID: id}).Association("Tags").Append(&Tag{Name: word}) }},
		{"untag", func() error { return db.Model(&Article{ID: id}).Association("Tags").Clear() }},
		{"comment", func() error { return db.Create(&Comment{OwnerID: id, OwnerType: "articles", Text: word}).Error }},
		{"uncomment", func() error { return db.Where("text = ?", word).Delete(&Comment{}).Error }},
		{"rename", func() error { return db.Model(&Author{ID: author}).Update("name", word).Error }},
		{"raw", func() error { return db.Exec("UPDATE articles SET category = ? WHERE views >= ?", n, n).Error }},
	}
	writes = append(writes, []struct {
		name string
		run  func() error
	}{
		{"full save", func() error {
			return db.Session(&gorm.Session{FullSaveAssociations: true}).Save(p.graph(id, author, n, word)).Error
		}},
		{"full updates", func() error {
			return db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(p.graph(id, author, n, word)).Error
		}},
		{"associations", func() error { return db.Save(p.graph(id, author, n, word)).Error }},
		{"nothing but the row", func() error { return db.Omit(clause.Associations).Save(p.graph(id, author, n, word)).Error }},
		{"retag", func() error {
			return db.Model(&Article{ID: id}).Association("Tags").Replace(&Tag{ID: 1, Name: word}, &Tag{ID: uint(2 + n), Name: word})
		}},
		{"take a tag", func() error { return db.Model(&Article{ID: id}).Association("Tags").Delete(&Tag{ID: 1}) }},
		{"say", func() error {
			return db.Model(&Article{ID: id}).Association("Comments").Append(&Comment{ID: id, Text: word})
		}},
		{"unsay", func() error { return db.Model(&Article{ID: id}).Association("Comments").Clear() }},
		{"note", func() error {
			return db.Model(&Author{ID: author}).Association("Notes").Replace(&Comment{Text: word}, &Comment{ID: id, Text: word})
		}},
		{"delete with tags", func() error { return db.Select("Tags", "Comments").Delete(&Article{ID: id}).Error }},
		{"delete for good", func() error {
			return db.Unscoped().Select("Tags", "Comments").Delete(&Article{ID: id}).Error
		}},
		{"first or create", func() error {
			return db.Where(Article{Category: n, Title: word}).Attrs(Article{Views: n}).FirstOrCreate(&Article{}).Error
		}},
		{"assign", func() error {
			return db.Where(Article{Title: word}).Assign(map[string]any{"views": n}).FirstOrCreate(&Article{}).Error
		}},
		{"locked", func() error { return p.locked(db, 1+id%3, n) }},
	}...)
	w := writes[p.rng.IntN(len(writes))]
	p.log = append(p.log, fmt.Sprintf("%s: id %d, n %d, word %s, author %d, %s %v", w.name, id, n, word, author, cond, args))
	switch w.name { // a join table's row needs its article, which GORM's updates do not make first
	case "tag", "retag", "full save", "full updates", "associations":
		if db.Unscoped().Limit(1).Find(&Article{}, id).RowsAffected == 0 {
			return
		}
	}
	if err := w.run(); err != nil {
		p.Fatalf("seed %d: %s: %v", p.seed, w.name, err)
	}
}

// graph is an article with all that it is associated with.
func (p *program) graph(id, author uint, n int, word string) *Article {
	a := &Article{ID: id, Category: n, Title: word, Author: &Author{ID: author, Name: word + "!"}, Meta: map[string]any{word: n}}
	for i := range n {
		a.Tags = append(a.Tags, Tag{ID: uint(1 + i), Name: word})
		a.Comments = append(a.Comments, Comment{ID: uint(1 + (int(id)+i)%8), Text: word, Place: Place{Line: n}})
	}
	return a
}

// locked changes what it has read, if nobody else has: nobody has.
func (p *program) locked(db *gorm.DB, id uint, n int) error {
	var l Ledger
	if err := db.First(&l, id).Error; err != nil {
		return err
	}
	tx := db.Model(&l).Update("balance", gorm.Expr("balance + ?", n))
	if tx.Error == nil && tx.RowsAffected != 1 {
		return fmt.Errorf("a stale version, %d, was read of ledger %d", l.Version.Int64, id)
	}
	return tx.Error
}
