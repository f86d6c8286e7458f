package gormcache

import (
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// The same SQL is read into types of one name, and into others.
func TestTypesOfOneName(t *testing.T) {
	w := small(t, setup{})
	dests := []func() any{
		func() any {
			type row struct {
				ID    uint
				Title string
			}
			return &[]row{}
		},
		func() any {
			type row struct {
				Title string
				ID    uint
			}
			return &[]row{}
		},
		func() any { return &[]Brief{} },
		func() any { return &[]*Brief{} },
		func() any { return &[]map[string]any{} },
	}
	for range 3 {
		for i, dest := range dests {
			got, want := dest(), dest()
			must(t, w.cached.Table("articles").Select("id,title").Order("id").Find(got).Error)
			must(t, w.bare.Table("articles").Select("id,title").Order("id").Find(want).Error)
			if text(t, got) != text(t, want) {
				t.Errorf("%d: %s, want %s", i, text(t, got), text(t, want))
			}
		}
	}
}

// Writes in the midst of reads, and reads that write.
func TestWritesAmongReads(t *testing.T) {
	w := small(t, setup{})
	for i := range 3 {
		for name, write := range map[string]func(db *gorm.DB) error{
			"rows open": func(db *gorm.DB) error {
				rows, err := db.Model(&Article{}).Rows()
				if err != nil {
					return err
				}
				defer rows.Close()
				rows.Next()
				var a Article
				return errors.Join(db.ScanRows(rows, &a), db.Model(&a).UpdateColumn("views", gorm.Expr("views + 1")).Error, rows.Err())
			},
			"returning": func(db *gorm.DB) error {
				var out []Article
				return db.Model(&out).Clauses(clause.Returning{}).Where("category = 1").Update("views", 50+i).Error
			},
			"delete returning": func(db *gorm.DB) error {
				var out []Article
				return db.Clauses(clause.Returning{}).Where("id = ?", 6-i).Delete(&out).Error
			},
			"raw returning": func(db *gorm.DB) error {
				return db.Raw("UPDATE articles SET views = views + 1 WHERE id = 1 RETURNING *").First(&Article{}).Error
			},
			"panic": func(db *gorm.DB) error {
				defer func() { _ = recover() }()
				return db.Transaction(func(tx *gorm.DB) error {
					must(t, tx.Model(&Article{ID: 1}).Update("title", "never").Error)
					w.answer(tx, byID1)
					panic("mine")
				})
			},
			"schema": func(db *gorm.DB) error {
				return db.Exec(fmt.Sprintf("ALTER TABLE articles ADD COLUMN more%d text", i)).Error
			},
		} {
			t.Run(name, func(*testing.T) { w.around(write) })
		}
	}
}

// Destinations and chains that GORM refuses, or takes in its own way.
func TestOddFinishers(t *testing.T) {
	w := small(t, setup{})
	reused := map[*gorm.DB]*gorm.DB{}
	for _, db := range []*gorm.DB{w.cached, w.bare} {
		reused[db] = db.Where("category = ?", 1)
		must(t, reused[db].Order("id").Find(&[]Article{}).Error)
	}
	for i, find := range []func(db *gorm.DB) (any, error){
		func(db *gorm.DB) (any, error) { return nil, db.Find(nil).Error },
		func(db *gorm.DB) (any, error) { var a *Article; return a, db.First(a).Error },
		func(db *gorm.DB) (any, error) { var a **Article; return a, db.First(a).Error },
		func(db *gorm.DB) (any, error) { return nil, db.Model(&Article{}).Find(Article{}).Error },
		func(db *gorm.DB) (any, error) {
			var n int
			return n, db.Model(&Article{}).Select("title").Find(&n).Error
		},
		func(db *gorm.DB) (any, error) { var a any = &Article{}; return a, db.First(&a).Error },
		func(db *gorm.DB) (any, error) { var a []any; return a, db.Model(&Article{}).Find(&a).Error },
		func(db *gorm.DB) (any, error) {
			var a []Article
			err := reused[db].Select("id").Find(&a).Error
			return a, err
		},
	} {
		once := func(db *gorm.DB) (said string) {
			defer func() {
				if r := recover(); r != nil {
					said = "a panic"
				}
			}()
			v, err := find(db)
			return fmt.Sprint(text(t, v), err)
		}
		for range 3 {
			if got, want := once(w.cached), once(w.bare); got != want {
				t.Errorf("%d: %s, want %s", i, got, want)
			}
		}
	}
}
