package postgres

import (
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/integration/trial"
)

// TestEqualityTraps: which values are equal is the database's own matter.
func TestEqualityTraps(t *testing.T) {
	each(t, func(w *world) {
		trial.Exec(w, w.DB, "CREATE EXTENSION citext")
		trial.Exec(w, w.DB, "CREATE TYPE mood AS ENUM ('small', 'big', 'Small')")
		trial.Exec(w, w.DB, "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
		trial.Exec(w, w.DB, "CREATE COLLATION base (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
		bare := trial.Closing(w, sql.OpenDB(w.connector))
		live.Equality(w.TB.(*testing.T), w.DB, bare, "$1", postgresTraps)
	})
}

var (
	trapTexts     = []string{"'a'", "'A'", "'á'", "'Á'", "E'a\\u0301'", "'a '", "'a  '", "'ss'", "'ß'", "'SS'", "''", "' a'", "'1'"}
	trapTextArgs  = []any{"a", "A", "á", "a ", "ss", "ß", ""}
	trapNumbers   = []string{"1", "1.0", "1.00", "'1'", "1e0", "0", "-0.0", "'0.0'", "1.5", "1.50", "0.1", "9007199254740993", "9007199254740992", "-1"}
	trapNumArgs   = []any{int64(1), 1.0, "1", "1.0", 1.5, int64(0), "1e0", 0.1}
	trapWhole     = []string{"1", "'1'", "0", "-1", "2"}
	trapWholeArgs = []any{int64(1), int64(0), int64(3)}
	trapStamps    = []string{"'2024-01-02 10:00:00'", "'2024-01-02 10:00:00.123456'", "'2024-01-02 00:00:00'", "'2024-01-02 10:00:01'"}
	trapZoned     = []string{"'2024-01-02 10:00:00+00'", "'2024-01-02 12:00:00+02'", "'2024-01-02 10:00:00.123456+00'", "'2024-01-02 10:00:01+00'"}
	trapMoments   = []string{
		"'2024-01-02'", "'2024-01-02 00:00:00'", "'2024-01-02 10:00:00'", "'2024-01-02 10:00:00.0'", "'2024-01-02 10:00:00.4'", "'2024-01-02 10:00:00.123456'", "'2024-01-02 10:00:00.1234561'",
		"'2024-01-02 10:00:00+00'", "'2024-01-02 12:00:00+02'", "'2024-01-02T10:00:00Z'", "'0001-01-01'", "'0001-01-01 BC'", "'infinity'", "'-infinity'", "'20240102'", "'Jan 2 2024'",
	}
	trapTimes = []any{
		time.Date(2024, 1, 2, 10, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 12, 0, 0, 0, time.FixedZone("", 7200)), time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 1, 2, 10, 0, 0, 123456000, time.UTC), time.Date(2024, 1, 2, 10, 0, 0, 123456400, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), "2024-01-02", "2024-01-02 10:00:00",
	}
)

const (
	icu   = "what an ICU collation holds equal is not reproduced"
	forms = "values in a form that is not the type's own count as any"
	none  = "values of this type count as any"
)

var postgresTraps = []live.Trap{
	{Type: "text", Literals: trapTexts, Args: trapTextArgs},
	{Type: `text COLLATE "C"`, Literals: trapTexts, Args: trapTextArgs},
	{Type: "varchar(3)", Literals: trapTexts, Args: trapTextArgs},
	{Type: "char(3)", Literals: trapTexts, Args: trapTextArgs},
	{Type: "text COLLATE folded", Literals: trapTexts, Args: trapTextArgs, Wide: icu},
	{Type: "text COLLATE base", Literals: trapTexts, Args: trapTextArgs, Wide: icu},
	{Type: "citext", Literals: []string{"'a'", "'A'", "'a '", "'ss'", "'SS'", "''", "'b'"}, Args: []any{"A", "a", "b"}},
	{Type: "citext", Literals: trapTexts, Args: trapTextArgs, Wide: "case beyond ASCII is the locale's matter"},
	{Type: "integer", Literals: trapWhole, Args: trapWholeArgs},
	{Type: "bigint", Literals: slices.Concat(trapWhole, []string{"9007199254740993", "9007199254740992"}), Args: slices.Concat(trapWholeArgs, []any{int64(9007199254740993)})},
	{Type: "integer", Literals: trapNumbers, Args: trapNumArgs, Wide: forms},
	{Type: "numeric", Literals: slices.Concat(trapWhole, []string{"1.0", "1.00", "1.5", "1.50", "-0.0", "1e0"}), Args: slices.Concat(trapWholeArgs, []any{"1.0", "1.50"})},
	{Type: "numeric", Literals: slices.Concat(trapNumbers, []string{"'NaN'"}), Args: slices.Concat(trapNumArgs, []any{"NaN"}), Wide: forms},
	{Type: "numeric(10,1)", Literals: slices.Concat(trapNumbers, []string{"1.04", "1.05"}), Args: trapNumArgs},
	{Type: "double precision", Literals: slices.Concat(trapWhole, []string{"1.5", "1.50", "-0.0", "'-0'"}), Args: []any{1.0, 1.5, 0.5}},
	{Type: "double precision", Literals: slices.Concat(trapNumbers, []string{"'NaN'", "'Infinity'", "'-0'", "'-Infinity'", "0.1::real"}), Args: trapNumArgs, Wide: forms},
	{Type: "real", Literals: slices.Concat(trapNumbers, []string{"'NaN'", "'Infinity'", "'-0'"}), Args: trapNumArgs, Wide: none},
	{Type: "timestamp", Literals: trapStamps},
	{Type: "timestamptz", Literals: trapZoned, Args: trapTimes[:4]},
	{Type: "date", Literals: []string{"'2024-01-02'", "'2024-01-03'"}, Args: []any{"2024-01-02", "2024-01-04"}},
	{Type: "timestamp", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "timestamptz", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "timestamp(0)", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "date", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "mood", Literals: []string{"'small'", "'Small'", "'big'"}, Args: []any{"small", "Small", "big"}},
	{Type: "uuid", Literals: []string{
		"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "'{a0eebc999c0b4ef8bb6d6bb9bd380a11}'", "'00000000-0000-0000-0000-000000000000'",
	}, Args: []any{"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11"}},
	{Type: "jsonb", Literals: []string{`'{"a":1,"b":2}'`, `'{"b":2, "a":1}'`, `'{"a":1.0,"b":2}'`, `'{"a":1,"a":1,"b":2}'`, `'[1]'`, `'"a"'`}, Wide: none},
	{Type: "bytea", Literals: []string{`'\x61'`, `'\x41'`, `'\x'`}, Args: []any{[]byte("a"), []byte("A"), []byte("")}},
	{Type: "bytea", Literals: []string{`'\x61'`, `'a'`, `'\141'`, `'\x41'`, `''`}, Args: []any{[]byte("a"), []byte("A"), []byte("")}, Wide: forms},
	{Type: "boolean", Literals: []string{"true", "'t'", "'yes'", "'1'", "false", "'off'"}, Args: []any{true, false}},
	{Type: "inet", Literals: []string{"'1.2.3.4'", "'1.2.3.4/32'", "'1.2.3.4/24'", "'::1'", "'0:0::1'"}, Wide: none},
	{Type: "time", Literals: []string{"'10:00'", "'10:00:00.0'", "'24:00'", "'00:00'", "'10:00 PM'"}, Wide: none},
	{Type: "interval", Literals: []string{"'1 day'", "'24 hours'", "'1440 min'", "'1 mon'", "'30 days'", "'2 days'"}, Wide: none},
}
