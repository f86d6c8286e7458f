package catalog_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
)

var pgTypes = []string{
	"bool", "smallint", "int", "bigint", "numeric", "numeric(10,2)", "numeric(15,3)", "numeric(30,5)", "numeric(4,0)", "numeric(2,-1)", "real", "double precision",
	"text", "varchar(3)", "varchar(20)", "char(3)", "char(20)", "bpchar", "name", `"char"`, `text COLLATE "C"`, `varchar(20) COLLATE "C"`, `char(5) COLLATE "C"`, `text COLLATE "en-x-icu"`, "text COLLATE accents", "text COLLATE nocase", "citext",
	"bytea", "uuid", "date", "timestamp", "timestamp(0)", "timestamp(3)", "timestamptz", "timestamptz(0)", "timestamptz(3)", "time", "time(0)", "timetz", "interval",
	"mood", "json", "jsonb", "int[]", "text[]", "inet", "cidr", "macaddr", "money", "int4range", "bit(3)", "varbit", "xid", "oid", "tsvector", "point", "xml",
	"posint", "shortname", "nested", "nocasedomain",
}

// pgKnown are the types of which a good part must be known, however they are
// passed.
var pgKnown = []string{
	"bool", "smallint", "int", "bigint", "numeric(10,2)", "double precision", "text", "varchar(20)", "char(20)", `text COLLATE "C"`, "uuid", "date", "timestamptz", "timestamp", "bytea", "mood", "posint", "shortname", "time",
}

var pgTimes = []string{"date", "timestamp", "timestamp(3)", "timestamptz", "timestamptz(3)", "time"}

const pgSetup = `CREATE EXTENSION citext;
CREATE COLLATION accents (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('a', 'A', 'big', 'small', '1', '2');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN shortname AS varchar(20) NOT NULL DEFAULT 'x';
CREATE DOMAIN nested AS shortname CHECK (VALUE <> 'y');
CREATE DOMAIN nocasedomain AS text COLLATE nocase`

// pgSessions are the ways of passing arguments. Declared is that of a driver which
// tells the server the types that it made out of Go's.
var pgSessions = []struct {
	name string
	mode pgx.QueryExecMode
	mark func(v any) string
}{
	{"cached statements", pgx.QueryExecModeCacheStatement, untyped},
	{"described", pgx.QueryExecModeDescribeExec, untyped},
	{"guessed", pgx.QueryExecModeExec, untyped},
	{"simple protocol", pgx.QueryExecModeSimpleProtocol, untyped},
	{"declared", pgx.QueryExecModeCacheStatement, declaredType},
}

func untyped(any) string { return "$1" }

func declaredType(v any) string {
	switch v.(type) {
	case int64:
		return "$1::int8"
	case float64:
		return "$1::float8"
	case bool:
		return "$1::bool"
	case []byte:
		return "$1::bytea"
	case time.Time:
		return "$1::timestamptz"
	case string:
		return "$1::text"
	}
	return "$1"
}

func TestPostgresValues(t *testing.T) {
	for _, s := range pgSessions {
		for _, zone := range []string{"UTC", "America/New_York"} {
			t.Run(s.name+"/"+zone, func(t *testing.T) {
				t.Parallel()
				if testing.Short() && (s.name != "cached statements" || zone != "UTC") {
					t.Skip("one session is enough for a short test")
				}
				types, known := pgTypes, pgKnown
				if zone != "UTC" {
					types, known = pgTimes, pgTimes
				}
				if s.name == "declared" {
					known = nil // most types refuse a text there
				}
				db := live.Postgres(t, s.mode, map[string]string{"TimeZone": zone, "synchronous_commit": "off"})
				script(t, db, pgSetup)
				j := newFormJudge(t, db, s.mark)
				// The promise is made in either case; the catalog sees that New York is not UTC.
				tables := j.tables(db, types, "CREATE UNLOGGED TABLE t%d (id bigint PRIMARY KEY, c %s)", catalog.Session{UTC: true, Microseconds: true})
				seed := uint64(time.Now().UnixNano())
				t.Logf("seed %d", seed)
				values := append(traps(), randomTraps(rand.New(rand.NewPCG(seed, 3)), *neighbours)...)
				for i, typ := range types {
					j.judge(tables[i], typ, values)
				}
				j.report(types, known)
			})
		}
	}
}

// TestPostgresZones writes in one time zone and asks in another, ten hours apart
// as two of the traps are.
func TestPostgresZones(t *testing.T) {
	for _, s := range pgSessions {
		t.Run(s.name, func(t *testing.T) {
			db := live.Postgres(t, s.mode, map[string]string{"TimeZone": "America/New_York"})
			j := newFormJudge(t, db, s.mark)
			tables := j.tables(db, pgTimes, "CREATE UNLOGGED TABLE t%d (id bigint PRIMARY KEY, c %s)", catalog.Session{UTC: true, Microseconds: true})
			j.elsewhere(db, "SET TIME ZONE 'Asia/Karachi'")
			for i, typ := range pgTimes {
				j.judge(tables[i], typ, times())
			}
			j.report(pgTimes, []string{"timestamptz"})
		})
	}
}
