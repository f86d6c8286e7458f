package gormcache

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/cacheops/cacheops"
)

// Depends is a dependency of a cached function on what a query of GORM would
// return, as cacheops.Reads is on any:
//
//	cacheops.DependsOn(gormcache.Depends(db.Model(&Article{}).Where("category = ?", 5)))
//
// The query is not run. What it selects counts: all columns, if it does not say.
// One with preloads is several, and ends the function's call with an error: each is
// a Depends of its own.
func Depends(query *gorm.DB) cacheops.Dependency {
	snapshot := query.Session(&gorm.Session{Context: query.Statement.Context})
	return cacheops.Reads(func(ctx context.Context) error {
		if preloads(snapshot) {
			return errPreloads
		}
		rows, err := snapshot.WithContext(ctx).Rows()
		if err != nil {
			return err
		}
		defer rows.Close()
		return rows.Err()
	})
}

var errPreloads = errors.New("gormcache: depends: a query with preloads is several")

// preloads reports whether a query has preloads, those that its scopes ask for
// included.
func preloads(query *gorm.DB) bool {
	dry := query.Session(&gorm.Session{DryRun: true}).Set("rows", true)
	return len(dry.Callback().Row().Execute(dry).Statement.Preloads) > 0
}
