package sqlcache

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/cacheops/cacheops"
)

// Who gives nil is told so, like database/sql's users of a data source that is wrong:
// by the first statement.
func TestNothingToOpen(t *testing.T) {
	for name, db := range map[string]*sql.DB{
		"no cache": OpenDB(nil, keeping{}, nil), "no connector": OpenDB(&cacheops.Cache{}, nil, nil),
		"no cache to wrap": Wrap(nil, &sql.DB{}, nil), "no pool": Wrap(&cacheops.Cache{}, nil, nil),
	} {
		if err := db.PingContext(t.Context()); !errors.Is(err, errNil) {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
	if _, err := Driver(nil, nil, nil).Open("x"); !errors.Is(err, errNil) {
		t.Error(err)
	}
}
