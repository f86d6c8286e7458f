package gormcache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops/gormcache"
)

func TestInPlace(t *testing.T) {
	w := small(t, setup{})
	inPlace := func(q query) query {
		return func(db *gorm.DB) (v any, err error) {
			inner := gormcache.InPlace(db, func(tx *gorm.DB) error {
				v, err = q(tx)
				return err
			})
			if !errors.Is(inner, err) {
				t.Errorf("it returned %v for %v", inner, err)
			}
			return v, err
		}
	}
	qs := append([]query{
		find[Article](func(db *gorm.DB) *gorm.DB { return db.Preload("Author").Joins("Author").Where("articles.id < ?", 4) }),
		find[Article](func(db *gorm.DB) *gorm.DB { return db.Unscoped().Select("id").Where("id > ?", 2) }),
		first[Article](99),
	}, usual...)
	// One after the other, each twice, so that what a query leaves shows in the next.
	for range 3 {
		for _, q := range qs {
			for range 2 {
				if got, want := w.answer(w.cached, inPlace(q)), w.answer(w.bare, q); got != want {
					t.Fatalf("in place %s, want %s", got, want)
				}
			}
		}
	}
	scoped := w.cached.Where("id = ?", 2).Session(&gorm.Session{})
	if got := w.answer(scoped, inPlace(find[Article](func(db *gorm.DB) *gorm.DB { return db }))); got != w.answer(w.bare, find[Article](func(db *gorm.DB) *gorm.DB { return db.Where("id = ?", 2) })) {
		t.Errorf("a session's own conditions are lost: %s", got)
	}
	must(t, gormcache.InPlace(w.cached, func(tx *gorm.DB) error { return tx.Model(&Article{ID: 1}).Update("title", "in place").Error }))
	w.fresh(usual...)
	must(t, w.cached.Transaction(func(tx *gorm.DB) error {
		must(t, tx.Model(&Article{ID: 1}).Update("title", "inside").Error)
		if got := w.answer(tx, inPlace(byID1)); got != w.answer(tx, byID1) {
			t.Errorf("in a transaction: %s", got)
		}
		return nil
	}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = gormcache.InPlace(w.cached, func(tx *gorm.DB) error { tx.Where("1 = 0"); panic("mine") })
	}()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				id := 1 + (g+i)%6
				var a Article
				err := gormcache.InPlace(w.cached.WithContext(context.Background()), func(tx *gorm.DB) error { return tx.First(&a, id).Error })
				if err != nil || fmt.Sprint(a.ID) != fmt.Sprint(id) {
					t.Errorf("%d: %d, %v", id, a.ID, err)
				}
			}
		})
	}
	wg.Wait()
}
