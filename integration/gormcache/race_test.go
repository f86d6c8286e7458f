package gormcache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops/gormcache"
)

// TestRaces has many goroutines read the same rows, some with contexts that are
// cancelled and hooks that panic, all writing to what they get, while others
// write: nobody reads a value older than what was committed before the call.
func TestRaces(t *testing.T) {
	const readers, writers, rounds = 64, 3, 25
	eachEngine(t, setup{}, func(w *world) {
		pool, err := w.cached.DB()
		must(t, err)
		pool.SetMaxOpenConns(0)
		compiled, err := gormcache.Compile[hooked](w.cached, func(tx *gorm.DB) *gorm.DB { return tx.Where("id = ?", gormcache.Arg(0)) })
		must(t, err)
		var committed [writers + 1]atomic.Int64
		var wg sync.WaitGroup
		for id := 1; id <= writers; id++ {
			wg.Go(func() {
				for i := int64(1); i <= rounds; i++ {
					if err := w.cached.Model(&Article{ID: uint(id)}).UpdateColumn("views", i).Error; err != nil {
						t.Errorf("write: %v", err)
						return
					}
					committed[id].Store(i)
				}
			})
		}
		for r := range readers {
			wg.Go(func() {
				for i := range 2 * rounds {
					id := 1 + (r+i)%writers
					ctx, cancel := context.WithCancel(context.Background())
					switch {
					case r%8 == 1:
						go cancel()
					case r%8 == 2:
						ctx = context.WithValue(ctx, panicking{}, true)
					}
					least := committed[id].Load()
					got, err := readOnce(ctx, w, compiled, r%3, id)
					cancel()
					switch {
					case errors.Is(err, context.Canceled), errors.Is(err, errPanicked):
					case err != nil:
						t.Errorf("read: %v", err)
					case int64(got) < least:
						t.Errorf("row %d: read %d after %d was committed", id, got, least)
					}
				}
			})
		}
		wg.Wait()
		w.same(find[Article](func(db *gorm.DB) *gorm.DB { return db.Order("id") }))
	})
}

var errPanicked = errors.New("the hook panicked")

// readOnce reads a row in one of three ways, and spoils what it got.
func readOnce(ctx context.Context, w *world, compiled *gormcache.Compiled[hooked], way, id int) (views int, err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked
		}
	}()
	var h hooked
	switch way {
	case 0:
		err = w.cached.WithContext(ctx).First(&h, id).Error
	case 1:
		h, err = compiled.First(ctx, id)
	case 2:
		var all []hooked
		err = w.cached.WithContext(ctx).Where("id = ?", id).Find(&all).Error
		if err == nil && len(all) == 1 {
			h = all[0]
		}
	}
	if err != nil {
		return 0, err
	}
	views = h.Views
	if h.Meta["n"] != float64(id-1) || string(h.Body) != string(rune('a'+id-1)) {
		return 0, errors.New("somebody else's changes show")
	}
	h.Meta["n"], h.Body[0] = "spoilt", '#'
	return views, nil
}
