package memstore_test

import (
	"testing"

	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Harness {
		s := memstore.New(0)
		return storetest.Harness{
			Store:         s,
			Lose:          s.Lose,
			Save:          func() (func() error, error) { return s.Save(true), nil },
			SaveUnnoticed: func() (func() error, error) { return s.Save(false), nil },
		}
	})
}
