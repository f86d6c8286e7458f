package sqlcache

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// Options of a cached database. A nil *Options means all zero.
type Options struct {
	// Name is the database's logical name: programs that give one name share
	// entries and drops. Empty: the path of the main file, and a name of its own
	// for a database in memory.
	Name string
	// Session stands for the connection settings that change how rows come back
	// (time formats, text encodings) and is part of every key. Empty: derived
	// from the connector, or, for [Wrap], which cannot see it, a value that no
	// other process shares.
	Session string
	// Scope says for whom a read with ctx is made, where the pool prepares each
	// connection for its user (SET ROLE, a search path, a tenant's setting), which a
	// hit skips: what it returns goes into the key, so that no two scopes share an
	// entry, and false means that the read is not cached. Each use of such a connection
	// costs one more round trip, for its session: where that differs from the first
	// one's in more than the role (a search path, a time zone), nothing is kept, and a
	// write there drops everything. With a Scope, tables with
	// row-level security are cached too. Nil where connections are all alike;
	// PostgreSQL's pools whose hooks are not known to do nothing are then not cached.
	Scope func(ctx context.Context) (string, bool)
	// Replica says that the pool's connections lead to replicas, and how far those
	// may be behind. Nil: they lead to the primary, and what a server in recovery or
	// one that only reads returns is never kept.
	Replica *Replica
	// PureFunctions names scalar functions that the program has registered with
	// the driver, on every connection, and that return the same for the same
	// arguments at any time and change nothing. Reads that call them may be
	// cached; one that calls any other function of the program's own counts as a
	// write of everything.
	PureFunctions []string

	// The limits of the inner pool, as the methods of sql.DB of these names take
	// them; zero leaves database/sql's default. Wrap ignores them.
	MaxOpenConns    int
	MaxIdleConns    int
	ConnMaxLifetime time.Duration
	ConnMaxIdleTime time.Duration

	// MaxEntryBytes is the largest result that is kept, in bytes of memory; zero
	// means 1 MiB, negative no limit.
	MaxEntryBytes int
	// PlanCache is how many statements are kept planned, fewer where their texts are
	// longer than 4 KiB on average; zero means 4096.
	PlanCache int
	// SchemaCheck is how often, at most, a leased connection is asked whether
	// the schema was changed by somebody outside; zero means one second,
	// negative never.
	SchemaCheck time.Duration
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.MaxEntryBytes == 0 {
		d.MaxEntryBytes = 1 << 20
	}
	if d.PlanCache <= 0 {
		d.PlanCache = 4096
	}
	if d.SchemaCheck == 0 {
		d.SchemaCheck = time.Second
	}
	return d
}

func (o *Options) pureFunctions() map[string]bool {
	set := make(map[string]bool, len(o.PureFunctions))
	for _, name := range o.PureFunctions {
		set[strings.ToLower(name)] = true
	}
	return set
}

func (o *Options) limit(db *sql.DB) {
	if o.MaxOpenConns != 0 {
		db.SetMaxOpenConns(o.MaxOpenConns)
	}
	if o.MaxIdleConns != 0 {
		db.SetMaxIdleConns(o.MaxIdleConns)
	}
	if o.ConnMaxLifetime != 0 {
		db.SetConnMaxLifetime(o.ConnMaxLifetime)
	}
	if o.ConnMaxIdleTime != 0 {
		db.SetConnMaxIdleTime(o.ConnMaxIdleTime)
	}
}
