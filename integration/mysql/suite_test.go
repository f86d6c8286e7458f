package mysql

import (
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestAdapter(t *testing.T) {
	const limit = 64 << 10
	for name, bend := range map[string]func(*mysql.Config){
		"plain":        func(*mysql.Config) {},
		"interpolated": func(c *mysql.Config) { c.InterpolateParams, c.MultiStatements, c.ParseTime = true, true, true },
	} {
		t.Run(name, func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				w := open(t, &sqlcache.Options{MaxEntryBytes: limit}, bend)
				return adaptertest.Harness{Cached: adaptertest.SQL(w.DB), Bare: adaptertest.SQL(w.Bare), MaxEntry: limit}
			})
		})
	}
}
