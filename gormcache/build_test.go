package gormcache

import (
	"fmt"
	"reflect"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
	"gorm.io/gorm/utils/tests"
)

type whole1 struct {
	ID      uint
	Name    string
	OtherID uint
	Other   *whole2
	Deleted gorm.DeletedAt
}

type whole2 struct {
	ID    uint
	Name  string
	Shown shown
}

type whole3 struct {
	ID   uint
	Name string
}

// shown brings clauses of its own into every query.
type shown bool

func (shown) QueryClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{seesSelect{}}
}

// seesSelect merges into what it finds.
type seesSelect struct{ clause.Select }

func (seesSelect) MergeClause(c *clause.Clause) {
	c.Expression = clause.Expr{SQL: fmt.Sprintf("id, '%v'", c.Expression)}
}

// What is built, and what is left in the statement, is GORM's own.
func TestBuildIsGORMs(t *testing.T) {
	open := func(cfg gorm.Config) *gorm.DB {
		cfg.DryRun, cfg.Logger = true, logger.Discard
		db, err := gorm.Open(&tests.DummyDialector{}, &cfg)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	chains := map[string]func(db *gorm.DB) *gorm.DB{
		"nothing":     func(db *gorm.DB) *gorm.DB { return db },
		"where":       func(db *gorm.DB) *gorm.DB { return db.Where("name = ?", "x").Order("id").Limit(2).Offset(1) },
		"select":      func(db *gorm.DB) *gorm.DB { return db.Select("id", "name") },
		"expression":  func(db *gorm.DB) *gorm.DB { return db.Select("id + ?", 1) },
		"omit":        func(db *gorm.DB) *gorm.DB { return db.Omit("name") },
		"distinct":    func(db *gorm.DB) *gorm.DB { return db.Distinct() },
		"distinct of": func(db *gorm.DB) *gorm.DB { return db.Distinct("name") },
		"unscoped":    func(db *gorm.DB) *gorm.DB { return db.Unscoped() },
		"table":       func(db *gorm.DB) *gorm.DB { return db.Table("elsewhere AS e").Where("e.id = 1") },
		"joins":       func(db *gorm.DB) *gorm.DB { return db.Joins("JOIN whole3s ON whole3s.id = other_id") },
		"group":       func(db *gorm.DB) *gorm.DB { return db.Group("name").Having("count(*) > ?", 1) },
		"locking":     func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.Locking{Strength: "UPDATE"}) },
		"from":        func(db *gorm.DB) *gorm.DB { return db.Clauses(clause.From{Tables: []clause.Table{{Name: "x"}}}) },
		"before select": func(db *gorm.DB) *gorm.DB {
			tx := db.Clauses()
			tx.Statement.Clauses["SELECT"] = clause.Clause{AfterNameExpression: clause.Expr{SQL: "/*+ hint */"}}
			return tx
		},
		"fields":       func(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{QueryFields: true}) },
		"model":        func(db *gorm.DB) *gorm.DB { return db.Model(&whole1{}) },
		"map":          func(db *gorm.DB) *gorm.DB { return db.Model(&whole3{}).Where(map[string]any{"id": 1}) },
		"twice":        func(db *gorm.DB) *gorm.DB { return db.Where("id = 1").Find(&[]whole3{}).Where("id = 2") },
		"other schema": func(db *gorm.DB) *gorm.DB { return db.Table("archive.whole3") },
		"other table": func(db *gorm.DB) *gorm.DB {
			tx := db.Clauses()
			tx.Statement.Table = "shard_7"
			return tx
		},
		"other dialect": func(db *gorm.DB) *gorm.DB {
			tx := db.Session(&gorm.Session{})
			tx.Dialector = &shouting{}
			return tx
		},
		"other builder": func(db *gorm.DB) *gorm.DB {
			tx := db.Session(&gorm.Session{})
			tx.ClauseBuilders = map[string]clause.ClauseBuilder{"FROM": func(c clause.Clause, b clause.Builder) {
				c.Build(b)
				_, _ = b.WriteString(" FINAL") // never fails
			}}
			return tx
		},
		"other order": func(db *gorm.DB) *gorm.DB {
			tx := db.Where("name = ?", "x")
			tx.Statement.BuildClauses = []string{"FROM", "SELECT", "WHERE"}
			return tx
		},
		"fewer clauses": func(db *gorm.DB) *gorm.DB {
			tx := db.Where("name = ?", "x")
			tx.Statement.BuildClauses = []string{"SELECT"}
			return tx
		},
		"no model": func(db *gorm.DB) *gorm.DB { return db.Table("whole3s") },
	}
	finishers := map[string]func(db *gorm.DB) *gorm.DB{
		"find":     func(db *gorm.DB) *gorm.DB { return db.Find(&[]whole1{}) },
		"pointers": func(db *gorm.DB) *gorm.DB { return db.Find(&[]*whole1{}) },
		"small":    func(db *gorm.DB) *gorm.DB { return db.Find(&[]whole3{}) },
		"own":      func(db *gorm.DB) *gorm.DB { return db.Find(&[]whole2{}) },
		"array":    func(db *gorm.DB) *gorm.DB { return db.Find(&[3]whole3{}) },
		"first":    func(db *gorm.DB) *gorm.DB { return db.First(&whole1{}, 7) },
		"filled":   func(db *gorm.DB) *gorm.DB { return db.Take(&whole3{ID: 5}) },
		"one map":  func(db *gorm.DB) *gorm.DB { return db.Find(&map[string]any{}) },
		"scalar":   func(db *gorm.DB) *gorm.DB { return db.Scan(new(int)) },
		"count":    func(db *gorm.DB) *gorm.DB { return db.Model(&whole3{}).Count(new(int64)) },
		"pluck":    func(db *gorm.DB) *gorm.DB { return db.Model(&whole3{}).Pluck("name", &[]string{}) },
		"raw":      func(db *gorm.DB) *gorm.DB { return db.Raw("SELECT 1").Find(&[]whole3{}) },
	}
	for _, cfg := range []gorm.Config{{}, {QueryFields: true}} {
		gorms, ours := open(cfg), open(cfg)
		buildsBy(t, &Plugin{}, ours)
		for _, finish := range finishers { // what is remembered is of the usual statements
			finish(ours)
		}
		for name, chain := range chains {
			for finisher, finish := range finishers {
				want, got := finish(chain(gorms)).Statement, finish(chain(ours)).Statement
				if got.SQL.String() != want.SQL.String() || !reflect.DeepEqual(got.Vars, want.Vars) || !reflect.DeepEqual(got.Clauses, want.Clauses) {
					t.Errorf("%s, %s:\n%s %v %v\nGORM's\n%s %v %v", name, finisher, got.SQL.String(), got.Vars, got.Clauses, want.SQL.String(), want.Vars, want.Clauses)
				}
			}
		}
	}
}

func buildsBy(t *testing.T, p *Plugin, db *gorm.DB) {
	t.Helper()
	err := db.Callback().Query().Replace("gorm:query", func(db *gorm.DB) {
		if db.Error == nil {
			p.build(db)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shouting quotes in a way of its own.
type shouting struct {
	tests.DummyDialector
	quoted int
}

func (s *shouting) QuoteTo(w clause.Writer, name string) {
	s.quoted++
	_, _ = w.WriteString("!" + name + "!") // never fails
}

// listed cannot be compared.
type listed struct {
	tests.DummyDialector
	_ []string
}

func TestBuildComparesNoDialectors(t *testing.T) {
	db, err := gorm.Open(listed{}, &gorm.Config{DryRun: true, Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	buildsBy(t, &Plugin{}, db)
	for range 2 {
		if got, want := db.Find(&[]whole3{}).Statement.SQL.String(), "SELECT * FROM `whole3`"; got != want {
			t.Fatalf("built %q, want %q", got, want)
		}
	}
}

func TestTheHeadIsBuiltOnce(t *testing.T) {
	d := &shouting{}
	db, err := gorm.Open(d, &gorm.Config{DryRun: true, Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	buildsBy(t, &Plugin{}, db)
	for range 3 {
		got := db.Where("name = 1").Find(&[]whole3{}).Statement.SQL.String()
		if want := "SELECT * FROM !whole3! WHERE name = 1"; got != want {
			t.Fatalf("built %q, want %q", got, want)
		}
		db.Take(&whole3{})
	}
	if d.quoted != 1 {
		t.Errorf("the name was quoted %d times", d.quoted)
	}
}
