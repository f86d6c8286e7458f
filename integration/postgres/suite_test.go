package postgres

import (
	"database/sql"
	"testing"

	"github.com/cacheops/cacheops/adaptertest"
	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

func TestAdapter(t *testing.T) {
	const limit = 64 << 10
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			adaptertest.Run(t, func(t *testing.T) adaptertest.Harness {
				dsn := live.PostgresURL(t)
				w := newWorld(t, dsn, d.connector(t, dsn), &sqlcache.Options{MaxEntryBytes: limit})
				// The same driver, for the same types of values. pgx's own way fails once
				// after DDL, with the statements that it keeps prepared.
				if d.name == "pgx" {
					dsn += "&default_query_exec_mode=describe_exec"
				}
				bare := trial.Closing(t, sql.OpenDB(d.connector(t, dsn)))
				return adaptertest.Harness{
					Cached: adaptertest.SQL(w.DB), Bare: adaptertest.SQL(bare), MaxEntry: limit, Dollar: true,
				}
			})
		})
	}
}
