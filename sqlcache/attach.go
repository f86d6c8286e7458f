package sqlcache

import (
	"context"
	"strings"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/internal/dep"
)

// A connection to which other files are attached writes to those as well, and
// they may be cached under their own names.

// commitFunc runs a COMMIT, as cacheops.Tx.Commit calls it.
type commitFunc = func(context.Context) (cacheops.Outcome, error)

// reached returns the other databases of the cache that the transaction, or the
// text if there is one, may write to.
func (c *conn) reached(ctx context.Context, l *lease, t *transaction, text string) []*cacheops.Database {
	if t.work.Empty() || !c.engine.dialect.reaches(ctx, c, l, t, text) {
		return nil
	}
	return c.engine.db.Others()
}

// reaches: all of them, once any file is attached.
func (d *sqlite) reaches(ctx context.Context, c *conn, l *lease, t *transaction, text string) bool {
	// temp and main are on every path. Where the path is not to be trusted, the
	// connection is asked.
	const own = 2
	e := d.engine
	return len(e.schema.Load().catalog.Path) > own || (c.pinned != "" || e.single() && t.ddl) && l.attached(ctx) || attaches(text)
}

// attached reports whether the connection may have files besides its own.
func (l *lease) attached(ctx context.Context) bool {
	if l.bad {
		return true
	}
	ctx, cancel := settle(ctx)
	defer cancel()
	rows, err := l.all(ctx, "PRAGMA database_list", nil)
	if err != nil {
		return true
	}
	for _, r := range rows {
		if len(r) < 2 {
			return true
		}
		if name := text(r[1]); name != "main" && name != "temp" {
			return true
		}
	}
	return false
}

// attaches reports whether a text may attach a file before it writes.
func attaches(text string) bool { return strings.Contains(strings.ToLower(text), "attach") }

// across returns a commit that drops everything in the other databases too.
func across(others []*cacheops.Database, proof string, ddl bool, commit commitFunc) commitFunc {
	for _, d := range others {
		commit = within(d, proof, ddl, commit)
	}
	return commit
}

func within(d *cacheops.Database, proof string, ddl bool, commit commitFunc) commitFunc {
	return func(ctx context.Context) (outcome cacheops.Outcome, err error) {
		w := d.Write()
		w.Add(ctx, 0, dep.Anything())
		if ddl {
			w.AddDDL()
		}
		outcome = cacheops.StillOpen // should commit not be run at all
		err = w.Commit(ctx, proof, func(ctx context.Context) (cacheops.Outcome, error) {
			outcome = cacheops.OutcomeUnknown
			outcome, err = commit(ctx)
			return outcome, err
		})
		return outcome, err
	}
}
