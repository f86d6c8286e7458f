package benchmarks

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/gormcache"
	"github.com/cacheops/cacheops/memstore"
)

// post is an article of the other benchmarks.
type post struct {
	ID       int64
	Category int `gorm:"index"`
	Title    string
	Body     string
}

// BenchmarkGORM compares hits through GORM with GORM merely building the same
// statement (DryRun), and a compiled query with the same one uncached.
func BenchmarkGORM(b *testing.B) {
	for name, open := range map[string]func(testing.TB) func() gorm.Dialector{"sqlite": sqliteMemory, "postgres": postgresOwn} {
		b.Run(name, func(b *testing.B) { benchGORM(b, open(b)) })
	}
}

func benchGORM(b *testing.B, open func() gorm.Dialector) {
	cfg := func() *gorm.Config { return &gorm.Config{Logger: logger.Discard} }
	var rows []post
	for i := range 2000 {
		rows = append(rows, post{Category: i % 100, Title: fmt.Sprintf("title %d", i), Body: strings.Repeat("body ", 20)})
	}
	filled := func() *gorm.DB {
		db, err := gorm.Open(open(), cfg())
		check(b, err)
		pool, err := db.DB()
		check(b, err)
		pool.SetMaxOpenConns(1) // for SQLite's, which is in the memory of one connection
		check(b, db.Migrator().DropTable(&post{}))
		check(b, db.AutoMigrate(&post{}))
		check(b, db.CreateInBatches(rows, 200).Error)
		return db
	}
	bare, db := filled(), filled()
	cache, err := cacheops.New(memstore.New(64<<20), &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All}}})
	check(b, err)
	check(b, db.Use(gormcache.New(cache, nil)))
	b.Cleanup(func() {
		check(b, cache.Close())
		for _, g := range []*gorm.DB{db, bare} {
			pool, err := g.DB()
			check(b, err)
			check(b, pool.Close())
		}
	})
	dry := bare.Session(&gorm.Session{DryRun: true})

	first := func(db *gorm.DB) func() {
		return func() { var p post; check(b, db.First(&p, 7).Error) }
	}
	find := func(db *gorm.DB) func() {
		return func() { var p []post; check(b, db.Where("category = ?", 7).Order("id").Limit(20).Find(&p).Error) }
	}
	ctx := context.Background()
	build := func(db *gorm.DB) (byKey, list *gormcache.Compiled[post]) {
		byKey, err := gormcache.Compile[post](db, func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) })
		check(b, err)
		list, err = gormcache.Compile[post](db, func(tx *gorm.DB) *gorm.DB { return tx.Where("category = ?", gormcache.Arg(0)).Order("id").Limit(20) })
		check(b, err)
		return byKey, list
	}
	byKey, list := build(db)
	offKey, offList := build(db.Clauses(gormcache.NoCache()).Session(&gorm.Session{}))
	one := func(c *gormcache.Compiled[post]) func() { return func() { _, err := c.First(ctx, 7); check(b, err) } }
	all := func(c *gormcache.Compiled[post]) func() { return func() { _, err := c.Find(ctx, 7); check(b, err) } }
	for _, warm := range []func(){first(db), find(db), one(byKey), all(list)} {
		warm()
		warm()
	}
	b.Run("first-to-DryRun", func(b *testing.B) { compare(b, first(dry), first(db)) })
	b.Run("find20-to-DryRun", func(b *testing.B) { compare(b, find(dry), find(db)) })
	inPlace := func() {
		var p []post
		check(b, gormcache.InPlace(db, func(tx *gorm.DB) error {
			return tx.Where("category = ?", 7).Order("id").Limit(20).Find(&p).Error
		}))
	}
	b.Run("find20-in-place", func(b *testing.B) { compare(b, find(db), inPlace) })
	b.Run("first-to-bare", func(b *testing.B) { compare(b, first(bare), first(db)) })
	b.Run("find20-to-bare", func(b *testing.B) { compare(b, find(bare), find(db)) })
	b.Run("compiled-first-to-DryRun", func(b *testing.B) { compare(b, first(dry), one(byKey)) })
	b.Run("compiled-find20-to-DryRun", func(b *testing.B) { compare(b, find(dry), all(list)) })
	b.Run("compiled-first-to-uncached", func(b *testing.B) { compare(b, one(offKey), one(byKey)) })
	b.Run("compiled-find20-to-uncached", func(b *testing.B) { compare(b, all(offList), all(list)) })
}

func check(b testing.TB, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

func sqliteMemory(testing.TB) func() gorm.Dialector {
	return func() gorm.Dialector { return sqlite.New(sqlite.Config{DriverName: "sqlite", DSN: ":memory:"}) }
}

func postgresOwn(b testing.TB) func() gorm.Dialector {
	dsn := os.Getenv("CACHEOPS_TEST_POSTGRES")
	if dsn == "" {
		dsn = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		b.Skipf("no PostgreSQL: %v", err)
	}
	name := "cacheops_" + strings.ToLower(rand.Text()[:12])
	check(b, admin.Exec("CREATE DATABASE "+name).Error)
	b.Cleanup(func() {
		check(b, admin.Exec("DROP DATABASE "+name+" WITH (FORCE)").Error)
		pool, err := admin.DB()
		check(b, err)
		check(b, pool.Close())
	})
	return func() gorm.Dialector { return postgres.Open(strings.Replace(dsn, "/test?", "/"+name+"?", 1)) }
}

func TestACompiledHitAllocatesItsRowsAlone(t *testing.T) {
	db, err := gorm.Open(sqliteMemory(t)(), &gorm.Config{Logger: logger.Discard})
	check(t, err)
	pool, err := db.DB()
	check(t, err)
	pool.SetMaxOpenConns(1)
	check(t, db.AutoMigrate(&post{}))
	check(t, db.Create([]post{{Category: 7}, {Category: 7}}).Error)
	cache, err := cacheops.New(memstore.New(1<<20), &cacheops.Config{Rules: []cacheops.Rule{{Tables: "*", Ops: cacheops.All}}})
	check(t, err)
	check(t, db.Use(gormcache.New(cache, nil)))
	t.Cleanup(func() {
		check(t, cache.Close())
		check(t, pool.Close())
	})
	query, err := gormcache.Compile[post](db, func(tx *gorm.DB) *gorm.DB { return tx.Where("category = ?", gormcache.Arg(0)) })
	check(t, err)
	find := func() { _, err := query.Find(t.Context(), 7); check(t, err) }
	first := func() { _, err := query.First(t.Context(), 7); check(t, err) }
	for range 3 { // a miss, the objects, and a hit of them
		find()
		first()
	}
	if n := testing.AllocsPerRun(1000, find); n != 1 {
		t.Errorf("a hit of Find allocates %v times", n)
	}
	if n := testing.AllocsPerRun(1000, first); n != 0 {
		t.Errorf("a hit of First allocates %v times", n)
	}
}
