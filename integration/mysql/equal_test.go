package mysql

import (
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cacheops/cacheops/integration/live"
)

// TestEqualityTraps: which values are equal is the database's own matter.
func TestEqualityTraps(t *testing.T) {
	for name, bend := range map[string]func(*mysql.Config){
		"prepared": func(*mysql.Config) {},
		"interpolated": func(c *mysql.Config) {
			c.InterpolateParams, c.Params = true, map[string]string{"sql_mode": "''"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, nil, bend)
			live.Equality(t, w.DB, w.Bare, "?", mysqlTraps)
		})
	}
}

var (
	trapTexts    = []string{"'a'", "'A'", "'á'", "'Á'", "'a '", "'a  '", "'ss'", "'ß'", "'SS'", "''", "' a'", "'1'", "'01'", "'1.0'", "'1e0'", "'abc'", "1", "0", "1.0"}
	trapTextArgs = []any{"a", "A", "á", "a ", "ß", "", int64(1), int64(0), 1.0}
	trapASCII    = []string{"'a'", "'A'", "'b'", "'ss'", "'SS'", "'1'", "'01'", "'1.0'"}
	trapNumbers  = []string{"1", "1.0", "1.00", "'1'", "'01'", "' 1'", "'1.0'", "1e0", "'1e0'", "'1abc'", "'abc'", "0", "-0.0", "1.5", "1.50", "0.1", "TRUE", "9007199254740993", "9007199254740992", "'9007199254740993'", "-1", "0x1", "b'1'"}
	trapNumArgs  = []any{int64(1), 1.0, "1", "1.0", 1.5, int64(0), "1e0", 0.1, "abc", true}
	trapMoments  = []string{
		"'2024-01-02'", "'2024-01-02 00:00:00'", "'2024-01-02 10:00:00'", "'2024-01-02 10:00:00.0'", "'2024-01-02 10:00:00.4'", "'2024-01-02 10:00:00.6'", "'2024-1-2'", "'20240102'", "20240102", "20240102100000",
		"'2024-01-02T10:00:00'", "DATE '2024-01-02'", "TIMESTAMP '2024-01-02 10:00:00'", "'0000-00-00'", "'0000-00-00 00:00:00'", "'0001-01-01'", "'24-1-2'", "0",
	}
	trapTimes = []any{
		time.Date(2024, 1, 2, 10, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 12, 0, 0, 0, time.FixedZone("", 7200)), time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 1, 2, 10, 0, 0, 123456000, time.UTC), time.Date(2024, 1, 2, 10, 0, 0, 600000000, time.UTC), "2024-01-02", "2024-01-02 10:00:00", int64(20240102),
	}
	trapWhole     = []string{"1", "0", "-1", "2"}
	trapWholeArgs = []any{int64(1), int64(0), int64(3)}
)

const (
	accents = "which accents a collation tells apart is not reproduced"
	implied = "values of another type count as any, as they may be converted"
	forms   = "values in a form that is not the type's own count as any"
	none    = "values of this type count as any"
)

var mysqlTraps = []live.Trap{
	{Type: "varchar(20)", Literals: trapASCII, Args: []any{"a", "A", "c"}},
	{Type: "varchar(20)", Literals: trapTexts, Args: trapTextArgs, Wide: accents},
	{Type: "varchar(20) COLLATE utf8mb4_bin", Literals: trapASCII, Args: []any{"a", "A", "c"}},
	{Type: "varchar(20) COLLATE utf8mb4_bin", Literals: trapTexts, Args: trapTextArgs, Wide: implied},
	{Type: "varchar(20) COLLATE utf8mb4_nopad_bin", Literals: trapASCII, Args: []any{"a", "A", "c"}},
	{Type: "varchar(20) COLLATE utf8mb4_nopad_bin", Literals: trapTexts, Args: trapTextArgs, Wide: implied},
	{Type: "varchar(20) COLLATE utf8mb4_unicode_ci", Literals: trapTexts, Args: trapTextArgs, Wide: accents},
	{Type: "varchar(20) COLLATE utf8mb4_german2_ci", Literals: trapTexts, Args: trapTextArgs, Wide: accents},
	{Type: "varchar(20) CHARACTER SET latin1 COLLATE latin1_german2_ci", Literals: trapTexts, Args: trapTextArgs, Wide: accents},
	{Type: "char(4)", Literals: trapTexts, Args: trapTextArgs, Wide: accents},
	{Type: "text", Literals: trapTexts, Args: trapTextArgs, Wide: accents},
	{Type: "varbinary(10)", Literals: trapTexts, Args: trapTextArgs, Wide: implied},
	{Type: "int", Literals: trapWhole, Args: trapWholeArgs},
	{Type: "int", Literals: trapNumbers, Args: trapNumArgs, Wide: implied},
	{Type: "bigint unsigned", Literals: trapNumbers, Args: trapNumArgs, Wide: implied},
	{Type: "int zerofill", Literals: trapNumbers, Args: trapNumArgs, Wide: implied},
	{Type: "decimal(10,2)", Literals: slices.Concat(trapWhole, []string{"1.5", "1.50", "1.00"}), Args: trapWholeArgs, Wide: implied},
	{Type: "decimal(20,4)", Literals: trapNumbers, Args: trapNumArgs, Wide: implied},
	{Type: "double", Literals: trapNumbers, Args: trapNumArgs, Wide: implied},
	{Type: "float", Literals: trapNumbers, Args: trapNumArgs, Wide: none},
	{Type: "boolean", Literals: []string{"TRUE", "FALSE", "1", "0", "2", "'1'"}, Args: []any{true, false, int64(2)}, Wide: implied},
	{Type: "datetime", Literals: []string{"'2024-01-02 10:00:00'", "'2024-01-02 10:00:01'", "'2024-01-02 00:00:00'"}},
	{Type: "datetime", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "datetime(3)", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "timestamp NULL", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "date", Literals: []string{"'2024-01-02'", "'2024-01-03'"}},
	{Type: "date", Literals: trapMoments, Args: trapTimes, Wide: forms},
	{Type: "year", Literals: []string{"2024", "'2024'", "24", "'24'", "0", "'0'", "1970", "70"}, Args: []any{int64(2024), int64(24), "24"}, Wide: none},
	{Type: "time", Literals: []string{"'10:00'", "'10:00:00'", "100000", "'1 10:00:00'", "'34:00:00'", "0"}, Args: []any{"10:00:00"}, Wide: none},
	{Type: "enum('small','big','2')", Literals: []string{"'small'", "'SMALL'", "'big'", "1", "2", "'2'", "3", "'small '"}, Args: []any{"small", int64(1), "2"}, Wide: implied},
	{Type: "set('a','b')", Literals: []string{"'a'", "'b'", "'a,b'", "'b,a'", "1", "3", "''"}, Args: []any{"a,b", int64(3)}, Wide: none},
	{Type: "bit(8)", Literals: []string{"1", "b'1'", "b'00000001'", "x'01'", "'1'", "49", "0"}, Args: []any{int64(1), []byte{1}}, Wide: implied},
	{Type: "json", Literals: []string{`'{"a":1,"b":2}'`, `'{"b":2,"a":1}'`, `'{"a": 1, "b": 2}'`, `'[1]'`}, Wide: none},
}
