package catalog_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
)

var myTypes = []string{
	"bool", "tinyint", "tinyint unsigned", "smallint", "int", "int unsigned", "int(5) zerofill", "bigint", "bigint unsigned", "decimal(10,2)", "decimal(10,2) unsigned", "decimal(15,3)", "decimal(30,5)", "decimal(4,0)", "float", "float(10,2)", "double", "double unsigned", "double(10,2)",
	"bit(1)", "bit(3)", "bit(64)", "year", "date", "datetime", "datetime(3)", "datetime(6)", "timestamp NULL", "timestamp(6) NULL", "time", "time(3)", "time(6)",
	"varchar(20)", "varchar(3)", "char(20)", "char(3)", "text", "tinytext", "binary(3)", "binary(8)", "varbinary(20)", "varbinary(3)", "blob", "json",
	"varchar(20) COLLATE utf8mb4_bin", "varchar(20) COLLATE utf8mb4_nopad_bin", "char(20) COLLATE utf8mb4_nopad_bin", "text COLLATE utf8mb4_bin", "varchar(20) COLLATE utf8mb4_unicode_ci", "varchar(20) COLLATE utf8mb4_unicode_520_ci", "varchar(20) COLLATE utf8mb4_unicode_nopad_ci",
	"varchar(20) COLLATE utf8mb4_general_nopad_ci", "varchar(20) COLLATE uca1400_ai_ci", "varchar(20) COLLATE uca1400_as_cs", "varchar(20) COLLATE utf8mb4_swedish_ci", "varchar(20) COLLATE utf8mb4_turkish_ci", "varchar(20) COLLATE utf8mb4_lithuanian_ci", "varchar(20) COLLATE utf8mb4_german2_ci",
	"varchar(20) CHARACTER SET utf8mb3", "varchar(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin", "varchar(20) CHARACTER SET latin1", "varchar(20) CHARACTER SET latin1 COLLATE latin1_bin", "varchar(20) CHARACTER SET latin1 COLLATE latin1_german2_ci", "varchar(20) CHARACTER SET ascii", "varchar(20) CHARACTER SET ucs2",
	"enum('a','b','big','1','2')", "enum('a','A','ß') COLLATE utf8mb4_bin", "enum('2','1','0')", "set('a','b','big')", "inet6", "uuid", "point",
}

// myKnown are the types of which a good part must be known, however they are
// passed.
var myKnown = []string{
	"bool", "tinyint", "int", "int unsigned", "bigint", "bigint unsigned", "decimal(10,2)", "double", "bit(3)", "date", "datetime", "datetime(6)", "varchar(20)", "char(20)", "text",
	"varchar(20) COLLATE utf8mb4_bin", "varchar(20) COLLATE utf8mb4_unicode_ci", "binary(8)", "varbinary(20)", "enum('a','b','big','1','2')", "time", "varchar(20) CHARACTER SET latin1",
}

// mySessions are the settings under which values are written and compared.
var mySessions = []struct {
	name, params string
	interpolate  bool
	session      catalog.Session
	subset       string // only types that contain it
	indexed      bool   // to find a value by an index the server converts it first
}{
	{"prepared", "sql_mode='STRICT_ALL_TABLES'&time_zone='%2B00:00'", false, catalog.Session{UTC: true}, "", false},
	{"interpolated", "sql_mode='STRICT_ALL_TABLES'&time_zone='%2B00:00'", true, catalog.Session{UTC: true}, "", true},
	{"lenient", "sql_mode=''&time_zone='%2B00:00'&parseTime=true", false, catalog.Session{UTC: true}, "", true},
	{"lenient interpolated", "sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,PAD_CHAR_TO_FULL_LENGTH'&time_zone='%2B00:00'&parseTime=true", true, catalog.Session{UTC: true}, "", true},
	{"elsewhere", "sql_mode=''&time_zone='-05:00'&parseTime=true&loc=America%2FNew_York", false, catalog.Session{}, "time", false},
	{"elsewhere interpolated", "sql_mode='TIME_ROUND_FRACTIONAL'&time_zone='-05:00'&loc=Asia%2FTokyo", true, catalog.Session{UTC: false}, "time", true},
	{"elsewhere dates", "sql_mode=''&time_zone='-05:00'&loc=Asia%2FTokyo&parseTime=true", true, catalog.Session{}, "date", false},
	{"other collation", "sql_mode=''&collation=utf8mb4_lithuanian_ci&time_zone='%2B00:00'", false, catalog.Session{UTC: true}, "char", false},
	{"other collation interpolated", "sql_mode=''&collation=utf8mb4_unicode_ci&time_zone='%2B00:00'", true, catalog.Session{UTC: true}, "char", true},
	{"other character set", "sql_mode=''&charset=latin1&collation=latin1_swedish_ci&time_zone='%2B00:00'", false, catalog.Session{UTC: true}, "char", false},
	{"empty is NULL", "sql_mode='EMPTY_STRING_IS_NULL'&time_zone='%2B00:00'", false, catalog.Session{UTC: true}, "char", false},
	{"empty is NULL, interpolated", "sql_mode='EMPTY_STRING_IS_NULL'&time_zone='%2B00:00'", true, catalog.Session{UTC: true}, "binary", false},
	{"utf8mb3", "sql_mode=''&charset=utf8mb3&time_zone='%2B00:00'", true, catalog.Session{UTC: true}, "char", false},
}

func TestMySQLValues(t *testing.T) {
	for _, s := range mySessions {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && s.name != "prepared" {
				t.Skip("one session is enough for a short test")
			}
			types, known := []string{}, myKnown
			for _, typ := range myTypes {
				if strings.Contains(typ, s.subset) {
					types = append(types, typ)
				}
			}
			if s.subset != "" {
				known = nil
			}
			db := live.MySQL(t, s.interpolate, s.params)
			db.SetMaxOpenConns(4)
			j := newFormJudge(t, db, func(any) string { return "?" })
			tables := j.tables(db, types, "CREATE TABLE t%d (id bigint PRIMARY KEY, c %s)", s.session)
			if s.indexed {
				index(t, db, len(types))
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			values := append(traps(), randomTraps(rand.New(rand.NewPCG(seed, 3)), *neighbours)...)
			for i, typ := range types {
				// Not all types in one transaction: for its end tests wait whose store
				// has to learn that nobody on the server writes any more.
				if _, err := j.conn.ExecContext(t.Context(), "BEGIN"); err != nil {
					t.Fatal(err)
				}
				j.judge(tables[i], typ, values)
				if _, err := j.conn.ExecContext(t.Context(), "COMMIT"); err != nil {
					t.Fatal(err)
				}
			}
			j.report(types, known)
		})
	}
}

// TestMySQLReplacesNull writes NULL and zero where MySQL may put something else.
func TestMySQLReplacesNull(t *testing.T) {
	db := live.MySQL(t, false, "sql_mode=''&time_zone='%2B00:00'&explicit_defaults_for_timestamp=0")
	script(t, db, `CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, n int NOT NULL, s varchar(5) NOT NULL, at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, free int);
		INSERT INTO t VALUES (7, 7, 'x', '2024-01-02 10:00:00', 7)`)
	table := live.Catalog(t, db, catalog.Session{UTC: true}).Named("t")[0]
	for _, c := range []struct {
		column string
		value  any
		unsure bool
	}{
		{"n", nil, true},
		{"s", nil, true},
		{"at", nil, true},
		{"free", nil, false},
		{"n", int64(0), false},
		{"id", int64(0), true},
		{"id", "0", true},
		{"id", nil, true},
		{"id", int64(99), false},
	} {
		col, _ := table.Column(c.column)
		wrote := col.Written(c.value)
		if wrote.Known() == c.unsure {
			t.Errorf("%s = %#v: %v", c.column, c.value, wrote)
		}
		query, args := "UPDATE t SET n = 1, "+c.column+" = ? WHERE id = 7", []any{c.value}
		if c.column == "id" {
			query = "INSERT INTO t (id, n, s) VALUES (?, 1, 'y')"
		}
		res, err := db.ExecContext(t.Context(), query, args...)
		if err != nil {
			t.Errorf("%s: %v", c.column, err)
			continue
		}
		id := int64(7)
		if c.column == "id" {
			if id, err = res.LastInsertId(); err != nil {
				t.Fatal(err)
			}
		}
		var back any
		if err := db.QueryRowContext(t.Context(), "SELECT "+c.column+" FROM t WHERE id = ?", max(id, 1)).Scan(&back); err != nil {
			t.Fatal(err)
		}
		if read := col.Stored(back); wrote.Known() && wrote != read {
			t.Errorf("%s = %#v: we say %v, it holds %#v", c.column, c.value, wrote, back)
		}
	}
}

// TestMySQLHiddenTriggers reads a catalog as a user who may not see triggers.
func TestMySQLHiddenTriggers(t *testing.T) {
	db := live.MySQL(t, true, "")
	script(t, db, "CREATE TABLE t (id int); CREATE TABLE log (id int); CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (1)")
	for _, c := range []struct {
		grant          string
		promise        bool
		unclear, known int
	}{
		// MariaDB shows that there is a trigger, and not what it does; MySQL does not.
		{"SELECT, INSERT, UPDATE, DELETE", false, 4, 0},
		{"SELECT, INSERT, UPDATE, DELETE", true, 1, 0},
		{"SELECT, INSERT, TRIGGER", false, 0, 1},
	} {
		user := live.User(t, db, c.grant)
		unclear, known := 0, 0
		for _, tr := range live.Catalog(t, user, catalog.Session{NoHiddenTriggers: c.promise}).Named("t")[0].Triggers {
			if known++; tr.Unclear {
				unclear++
				known--
			}
		}
		if unclear != c.unclear || known != c.known {
			t.Errorf("with %s: %d unclear triggers and %d others", c.grant, unclear, known)
		}
	}
}

// index puts an index on the column c of every table that takes one.
func index(t *testing.T, db *sql.DB, tables int) {
	indexed := 0
	for i := range tables {
		for _, part := range []string{"c", "c(10)"} {
			if _, err := db.ExecContext(t.Context(), fmt.Sprintf("CREATE INDEX i ON t%d (%s)", i, part)); err == nil {
				indexed++
				break
			}
		}
	}
	if indexed*10 < tables*8 {
		t.Errorf("only %d of %d columns could be indexed", indexed, tables)
	}
}

// TestMySQLZones writes in one time zone and asks in another, ten hours apart as
// two of the traps are.
func TestMySQLZones(t *testing.T) {
	types := []string{"timestamp NULL", "timestamp(6) NULL", "datetime", "date", "time"}
	db := live.MySQL(t, true, "sql_mode=''&time_zone='-05:00'")
	j := newFormJudge(t, db, func(any) string { return "?" })
	tables := j.tables(db, types, "CREATE TABLE t%d (id bigint PRIMARY KEY, c %s)", catalog.Session{UTC: true})
	j.elsewhere(db, "SET time_zone = '+05:00'")
	for i, typ := range types {
		j.judge(tables[i], typ, times())
	}
	j.report(types, []string{"datetime", "date"})
}

// TestMySQLCollations compares every pair of ASCII's printable characters, alone
// and inside a word, under every collation that the server has and the catalog's
// list allows.
func TestMySQLCollations(t *testing.T) {
	db := live.MySQL(t, true, "")
	rows, err := live.Query(db)(t.Context(), "SELECT collation_name FROM information_schema.collations WHERE character_set_name IN ('utf8mb4', 'latin1', 'ascii', 'utf8mb3') OR character_set_name IS NULL")
	if err != nil {
		t.Fatal(err)
	}
	j := newFormJudge(t, db, nil)
	var types []string
	for _, r := range rows {
		name := fmt.Sprintf("%s", r[0])
		if strings.HasPrefix(name, "uca1400") {
			name = "utf8mb4_" + name
		}
		charset, _, _ := strings.Cut(name, "_")
		types = append(types, "varchar(5) CHARACTER SET "+charset+" COLLATE "+name)
	}
	listed := 0
	for i, table := range j.tables(db, types, "CREATE TABLE t%d (id bigint PRIMARY KEY, c %s)", catalog.Session{}) {
		col, _ := table.Column("c")
		if col.Form.Text.Fold == catalog.FoldUnknown {
			continue
		}
		listed++
		var values []string
		for c := ' '; c <= '~'; c++ {
			quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(string(c))
			values = append(values, fmt.Sprintf("(%d, '%s')", c, quoted), fmt.Sprintf("(%d, 'x%sh')", 1000+c, quoted))
		}
		for c := 'a'; c <= 'z'; c++ {
			for d := 'a'; d <= 'z'; d++ {
				values = append(values, fmt.Sprintf("(%d, '%c%c')", 10000+int(c)*256+int(d), c, d))
			}
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO "+table.Bare+" VALUES "+strings.Join(values, ", ")); err != nil {
			t.Fatal(err)
		}
		pairs, err := live.Query(db)(t.Context(), "SELECT a.c, b.c FROM "+table.Bare+" a JOIN "+table.Bare+" b ON a.c = b.c")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs {
			x, y := col.Stored(p[0]), col.Stored(p[1])
			if x.Known() && y.Known() && x != y {
				t.Errorf("%s: %s = %s", types[i], p[0], p[1])
			}
		}
	}
	t.Logf("%d of %d collations are on the list", listed, len(types))
	if listed < 20 {
		t.Errorf("only %d collations are on the list", listed)
	}
}
