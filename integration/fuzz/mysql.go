package fuzz

import (
	"fmt"
	"strings"
)

var mysqlServer = &wordlist{
	pool: append(serverPool(), column{name: "bits", kind: kBits}, column{name: "clock", kind: kTime}),
	ids: []column{
		{name: "int", kind: kID},
		{name: "int AUTO_INCREMENT", kind: kID},
		{name: "int AUTO_INCREMENT", kind: kID},
		{name: "bigint unsigned AUTO_INCREMENT", kind: kID},
		{name: "smallint", kind: kID},
		{name: "varchar(10)", kind: kText},
		{name: "varchar(10) COLLATE utf8mb4_bin", kind: kText},
		{name: "char(4)", kind: kText},
		{name: "decimal(10,2)", kind: kDecimal},
		{name: "varchar(10) COLLATE utf8mb4_unicode_ci", kind: kText},
	},
	types: map[kind][]string{
		kID: {"int", "int", "bigint"}, kInt: {"int", "int", "smallint", "tinyint", "bigint unsigned", "int zerofill", "decimal(6,0)"},
		kText: {
			"varchar(20)", "varchar(20)", "varchar(4)", "char(4)", "text", "varchar(20) COLLATE utf8mb4_bin", "varchar(20) COLLATE utf8mb4_unicode_ci", "varchar(20) COLLATE utf8mb4_nopad_bin",
			"varchar(20) COLLATE utf8mb4_general_nopad_ci", "varchar(20) CHARACTER SET latin1", "varchar(20) CHARACTER SET latin1 COLLATE latin1_german2_ci", "varbinary(10)", "varchar(20) COLLATE utf8mb4_unicode_520_ci",
		},
		kReal: {"double", "float"}, kDecimal: {"decimal(10,2)", "decimal(10,0)", "decimal(8,3)"}, kBool: {"boolean"},
		kDate: {"datetime", "datetime(3)", "timestamp NULL", "date", "timestamp(6) NULL", "datetime DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP"},
		kBlob: {"varbinary(10)", "blob", "binary(2)"}, kUUID: {"uuid", "varchar(40)"}, kEnum: {"enum('small','big','huge')", "set('small','big')"},
		kJSON: {"json"}, kNet: {"inet6"}, kBits: {"bit(1)", "bit(8)"}, kTime: {"time", "time(2)", "year"},
	},
	values: map[kind][]any{
		kID: numbers(1, 14), kInt: numbers(0, 6),
		kText:    {"a", "A", "á", "b", "B", "ab", "a ", "b  ", "", "é", "É", "1", "01", "1.0", "1e0", "x%", "ß", "ss", int64(1), int64(0)},
		kReal:    {0.0, 0.5, 1.0, 1.5, 2.0, 2.25, -1.0, int64(1), "1.0", "1e0"},
		kDecimal: {"0", "0.5", "1", "1.0", "1.00", "1.5", "1.50", "2.25", "-1", "1e0", int64(1), 1.5},
		kBool:    {true, false, int64(1), int64(0), int64(2)},
		kDate: {
			"2024-01-01", "2024-01-01 00:00:00", "2024-01-02", "2024-02-01 10:00:00", "2024-1-1", "2024-02-01 10:00:00.5", "2025-12-31 23:59:59.5", int64(20240101), moments[0], moments[1],
		},
		kBlob: {[]byte("a"), []byte("A"), []byte(""), []byte("ab"), []byte("a\x00")},
		kUUID: {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "00000000-0000-0000-0000-000000000001"},
		kEnum: {"small", "big", "BIG", int64(1), int64(2), "2", "small "},
		kJSON: {`{"a": 1, "b": 2}`, `{"b":2,"a":1}`, `[1]`, `{"a": "x"}`},
		kNet:  {"1:2::3", "::1", "0::1", "::ffff:1.2.3.4"},
		kBits: {int64(0), int64(1), true},
		kTime: {"10:00:00", "10:00", "00:00:00", int64(100000), int64(2024), "2024", "24"},
	},
	common: []string{
		"{c} = {h}", "{c} = {h}", "{c} = {h}", "{c} = {h}", "{c} = {h}", "{c} = {h}", "{c} IN ({l})", "{c} IN ({l})", "{c} IS NULL", "{c} IS NOT NULL",
		"{c} <> {h}", "{h} = {c}", "{c} NOT IN ({l})", "{c} <=> {h}", "NOT {c} = {h}", "NOT ({c} <=> {h})",
	},
	conds: map[kind][]string{
		kID: {"{c} = '1'", "{c} = '1abc'", "{c} = 1.0", "{c} + 0 = {h}", "{c} = '1e0'", "({c}, {d}) = ({h}, {h})"},
		kInt: {
			"{c} = '1'", "{c} = 'a'", "{c} = 1.0", "{c} = '1e0'", "{c} + 1 = {h}", "{c} = TRUE", "{c}", "NOT {c}", "{c} & 1", "{c} = 1.5", "{c} = '01'", "{c} IS TRUE", "{c} IS NOT TRUE",
			"10 / {c} > 2", "({c}, {d}) = ({h}, {h})", "({c}, {d}) IN (({h}, {h}), (1, 1))", "{c} = 0x1", "{c} = -0.0", "!{c}", "{c} = {i} OR {c} = 'x'",
		},
		kText: {
			"{c} LIKE 'a%'", "{c} NOT LIKE 'a%'", "{c} = 1", "{c} = 0", "{c} = {i}", "BINARY {c} = {h}", "{c} COLLATE utf8mb4_bin = {h}", "{c} = 'A' COLLATE utf8mb4_general_ci", "lower({c}) = {h}",
			"concat({c}, '') = {h}", "CAST({c} AS SIGNED) = 1", "{c} = '1e0'", "{c} REGEXP '^a'", "{c} = 'á'", "{c} = 'a '", "{c} LIKE 'A'", "{c} = _latin1'a'", "{c} = x'61'", "{c} = TRUE", "length({c}) = 1",
			"{c} = \"a\"", "{c} = N'a'", "CONVERT({c} USING latin1) = {h}", "{c} LIKE {h}", "{c}", "{c} = 1.0", "{c} IN (1, 'a')", "{c} = DATE '2024-01-01'", "{c} SOUNDS LIKE 'a'",
		},
		kReal:    {"{c} = -0.0", "{c} = '1.0'", "{c} = 0", "{c} = 0.5", "abs({c}) < {h}", "{c} = 1e0", "{c}"},
		kDecimal: {"{c} = 1.5", "{c} = '1.50'", "{c} = 1.5e0", "round({c}) = 1", "{c} = {i}", "{c} = '1abc'"},
		kBool:    {"{c}", "NOT {c}", "{c} IS TRUE", "{c} IS NOT TRUE", "{c} IS FALSE", "{c} IS UNKNOWN", "{c} = 'x'", "({c} = {h}) IS NOT TRUE", "{c} = TRUE", "{c} = 2"},
		kDate: {
			"{c} = 20240101", "{c} = DATE '2024-01-01'", "{c} = '2024-1-1'", "DATE({c}) = {h}", "YEAR({c}) = 2024", "{c} = '0000-00-00'", "{c} >= {h} AND {c} < {h}", "{c} + INTERVAL 1 DAY = {h}",
			"{c} = TIMESTAMP '2024-01-01 00:00:00'", "CAST({c} AS DATE) = {h}", "{c} = '20240101'", "{c} = '2024-01-01 00:00'", "{c} = 20240101000000",
		},
		kBlob: {"{c} = x'61'", "length({c}) = 1", "{c} = 'a'", "{c} = 'A'", "hex({c}) = '61'"},
		kUUID: {"{c} = 'a0eebc999c0b4ef8bb6d6bb9bd380a11'"},
		kEnum: {"{c} = 1", "{c} = '1'", "{c} = 'SMALL'", "{c} + 0 = 2", "{c} IN (1, 'small')", "{c} > 'big'", "{c} = 'small '", "find_in_set('big', {c})"},
		kJSON: {"json_value({c}, '$.a') = 1", "json_extract({c}, '$.a') = 1", "{c} = '[1]'"},
		kNet:  {"{c} = '0::1'"},
		kBits: {"{c} = 1", "{c} = b'01'", "{c} = '1'", "{c} = x'01'", "{c}", "{c} + 0 = 1"},
		kTime: {"{c} = '10:00'", "{c} = 100000", "{c} > {h}", "{c} = 24", "{c} = '2024'"},
	},
	tricky: []string{
		"coalesce({c}, {d}) = {h}", "{c} = {d}", "{c} = {e}", "CASE WHEN {c} = {h} THEN {d} = {h} ELSE true END", "CASE {c} WHEN {h} THEN true WHEN {h} THEN false END",
		"({c} = {h}) IS NOT TRUE", "({c} = {h}) = 1", "({c} = {h}) IS FALSE", "nullif({c}, {h}) IS NULL", "greatest({c}, {d}) = {h}", "({h} IS NULL OR {c} = {h})", "if({c} = {h}, {d} = {h}, 1)",
		"({c} = {h} OR {d} = {h})", "{c} = {h} XOR {d} = {h}", "{c} = {h} && {d} = {h}", "ifnull({c}, {h}) = {h}", "{c} = concat({h})", "CAST({c} AS CHAR) = {h}", "{c} + 0 = {h}", "{c} = {e}",
		"({c}, {e}) = ({h}, 1)", "{e} = {h}",
	},
	ranges: []string{
		"{c} < {h}", "{c} <= {h}", "{c} > {h}", "{c} >= {h}", "{c} BETWEEN {h} AND {h}", "{c} NOT BETWEEN {h} AND {h}", "{h} < {c}", "{c} >= {h} AND {c} < {h}",
		"{c} BETWEEN {h} AND {d}", "{c} BETWEEN {h} AND DATE '2024-01-02'", "{c} BETWEEN 2 AND DATE '2024-01-02'",
	},
	gens: []string{
		"int GENERATED ALWAYS AS (coalesce(%s, 0) IS NULL) STORED", "varchar(20) GENERATED ALWAYS AS (lower(%s)) VIRTUAL", "int AS (length(%s)) PERSISTENT", "varchar(40) AS (%s) VIRTUAL", "int AS (%s IS NULL)",
	},
	checks: []string{"%s <> 5", "%s <> 'zz'", "%s IS NOT NULL"},
}

var mysql *dialect

func init() {
	v := mysqlServer
	v.finish = mysqlFinish
	text := func(s string) string {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
	}
	mysql = &dialect{
		name: "mysql", strict: true, props: &mysqlProps,
		odd: []any{
			nil, int64(1), "1", "a", int64(9007199254740993), 1.0, "1.0", "", true, "1e0", "2024-01-01", []byte("a"), int64(-1), int64(0), "0", " 1", "01", "abc", -0.25, "A", 20240101.0, []byte("1"), "x", "NULL", "0x1",
		}, oddity: 7,
		plain: v.plain,
		literal: func(x any) string {
			return serverLiteral(x, func(b []byte) string { return fmt.Sprintf("x'%x'", b) }, text)
		},
		quoted: func(name string) []string { return []string{"`" + name + "`"} },
		// Names of tables are as they are written.
		upper: func(name string) string { return name }, styles: []style{question},

		names: []string{"items", "people", "tags", "Log Book", "order"}, table: v.table,
		rows:    func(into, values string) string { return "INSERT IGNORE INTO " + into + " VALUES " + values },
		views:   []string{"VIEW", "VIEW", "ALGORITHM=TEMPTABLE VIEW"},
		trigger: func(s *schema) []string { return []string{mysqlTrigger(s)} }, alter: mysqlAlter,
		columns: []column{
			{name: "varchar(20)", kind: kText},
			{name: "int DEFAULT 3", kind: kInt},
			{name: "varchar(20) NOT NULL DEFAULT 'a'", kind: kText},
			{name: "int NOT NULL DEFAULT 1", kind: kInt},
			{name: "varchar(20) COLLATE utf8mb4_bin", kind: kText},
			{name: "decimal(5,1) DEFAULT 1", kind: kDecimal},
			{name: "datetime DEFAULT '2024-01-01'", kind: kDate},
			{name: "int FIRST", kind: kInt},
		},
		indexes: []string{"%s", "%s", "%s DESC"},

		simple: v.simple, tricky: v.trickyCond, ranges: v.rangeCond, strange: mysqlStrange,
		outputs:    []string{"lower(%s)", "coalesce(%s, 'none')", "length(%s)", "%s IS NULL", "%s + 1", "CAST(%s AS CHAR)", "%s + 0"},
		orders:     []string{"", " DESC", " ASC"},
		aggregates: []string{"sum", "min", "max", "avg", "count", "bit_or", "count"},
		groups:     []string{"count(*)", "count(%s)", "max(%s)", "sum(%s)"}, blocks: []string{"abs(%s)", "coalesce(%s, %s)", "ifnull(%s, 1)"},
		cuts:         []string{" LIMIT 100 OFFSET 1", " LIMIT 1, 3"},
		materialized: []string{""}, windows: windowStrict,

		verb:     (*exprs).verbMySQL,
		defaults: " () VALUES ()", rowExprs: []string{"1 + 1", "NULL", "lower('A')", "-1", "TRUE", "DEFAULT", "DEFAULT", "now()"},
		upsert: (*exprs).onDuplicate, remove: (*exprs).deleteSeveral, others: (*exprs).mysqlOthers,
		returning: []string{"*", "1, 'a' AS x"},

		begins:    []string{"BEGIN", "START TRANSACTION", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "begin work"},
		rollbacks: []string{"ROLLBACK TO ", "ROLLBACK TO SAVEPOINT ", "rollback work to "},
		releases:  []string{"RELEASE SAVEPOINT ", "release savepoint "},
		ends:      []string{"COMMIT", "COMMIT WORK", "commit;"},
		oddities: []string{
			"SET sql_mode = ''", "SET SESSION sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'", "SET time_zone = '+05:00'", "SET NAMES latin1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET @a = 1", "SET sql_safe_updates = 0",
			"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET foreign_key_checks = 0", "SET unique_checks = 0", "SET sql_mode = 'ANSI_QUOTES,NO_ZERO_DATE'", "SET sql_auto_is_null = 1", "SELECT GET_LOCK('fuzz', 0)",
			"CREATE TEMPORARY TABLE IF NOT EXISTS items (id int, cat int, name varchar(20))", "SET autocommit = 0", "SELECT @b := 2", "SET SESSION TRANSACTION READ ONLY", "SET div_precision_increment = 1",
			"", "/* nothing */", "DO 1", "ANALYZE TABLE items", "FLUSH TABLES", "SET collation_connection = utf8mb4_unicode_ci", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET insert_id = 5", "SET timestamp = 1700000000",
			"SELECT 1", "SET lc_time_names = 'de_DE'", "OPTIMIZE TABLE items", "SET sql_mode = 'PIPES_AS_CONCAT'", "SET STATEMENT max_statement_time = 10 FOR SELECT 1",
		},
	}
	mysql.update = (*exprs).updateSeveral
}

func (g *exprs) verbMySQL() string {
	return pick(g.r(), []string{"INSERT", "INSERT", "INSERT", "INSERT", "INSERT IGNORE", "REPLACE", "insert low_priority"})
}

func (g *exprs) onDuplicate(t *table) {
	c := pick(g.r(), t.writable())
	n := g.s.ident(c.name)
	g.st.write(" ON DUPLICATE KEY UPDATE ", n, " = ", pick(g.r(), []string{"VALUES(" + n + ")", g.hole(c.kind), n + " + 1", "coalesce(VALUES(" + n + "), " + n + ")", "VALUE(" + n + ")"}))
}

// updateSeveral writes the UPDATE of several tables anew.
func (g *exprs) updateSeveral(t *table) bool {
	f := ref{"f", g.s.base()}
	g.st.text.Reset()
	g.st.slots = nil
	g.scope = []ref{{"u", t}, f}
	c := pick(g.r(), t.writable())
	set := "u." + g.s.ident(c.name) + " = " + g.hole(c.kind)
	if chance(g.r(), 40) {
		d := pick(g.r(), f.t.writable())
		set += ", f." + g.s.ident(d.name) + " = " + g.hole(d.kind)
	}
	g.st.write("UPDATE ", g.s.ident(t.name), " u ", pick(g.r(), []string{"JOIN ", "LEFT JOIN "}), g.from(f), " ON ", g.joinOn(), " SET ", set, " WHERE ", g.cond(0))
	return true
}

func (g *exprs) deleteSeveral(t *table) bool {
	f := ref{"f", g.s.base()}
	g.scope = []ref{{"u", t}, f}
	gone := pick(g.r(), []string{"u", "u, f"})
	g.st.write("DELETE ", gone, " FROM ", g.s.ident(t.name), " u JOIN ", g.from(f), " ON ", g.joinOn(), " WHERE ", g.cond(0))
	return true
}

func (g *exprs) mysqlOthers(t *table) bool {
	r, name := g.r(), g.s.ident(t.name)
	g.scope = []ref{{"", t}}
	switch r.IntN(7) {
	case 0:
		g.st.write("TRUNCATE ", pick(r, []string{"", "TABLE "}), name)
	case 1, 2:
		var sets []string
		for _, c := range t.writable() {
			if chance(r, 70) {
				sets = append(sets, g.s.ident(c.name)+" = "+g.hole(c.kind))
			}
		}
		if len(sets) == 0 {
			return false
		}
		g.st.write(g.s.d.verb(g), " INTO ", name, " SET ", strings.Join(sets, ", "))
		if chance(r, 30) && strings.HasPrefix(strings.ToUpper(g.st.text.String()), "INSERT") {
			g.onDuplicate(t)
		}
	case 3:
		g.st.write("UPDATE ", name, " SET ", g.assignments(t), g.whereFor(t), " ORDER BY ", g.s.ident(t.cols[0].name), " LIMIT 1")
	case 4:
		g.st.write("DELETE FROM ", name, g.whereFor(t), " LIMIT 2")
	case 5:
		g.st.write("UPDATE IGNORE ", name, " SET ", g.assignments(t), g.whereFor(t))
	case 6:
		g.st.write("WITH w AS (SELECT * FROM ", name, " WHERE ", g.cond(0), ") SELECT count(*) FROM w FOR UPDATE")
		g.st.class = "returning"
	}
	return true
}

func mysqlStrange(g *exprs) {
	t := g.s.any()
	c := g.s.ident(pick(g.r(), t.cols).name)
	name := g.s.ident(t.name)
	switch g.r().IntN(9) {
	case 0:
		g.st.write("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1")
	case 1:
		g.st.write("SHOW COLUMNS FROM ", name)
	case 2:
		g.st.write("SELECT current_user(), database()")
	case 3:
		g.st.write("SELECT ", c, ", ", g.hole(kAny), " FROM ", name)
	case 4:
		g.st.write("SELECT 1, ", g.hole(kInt))
	case 5:
		g.st.write("SELECT SQL_NO_CACHE ", c, " FROM ", name)
	case 6:
		g.st.write("/* every */ SELECT * -- row\nFROM ", name, ";")
	case 7:
		g.st.write("SELECT /*!50000 STRAIGHT_JOIN */ a.", c, " FROM ", name, " a /*! JOIN ", g.s.ident(g.s.base().name), " b */ WHERE a.", c, " IS NOT NULL")
	case 8:
		g.st.write("SELECT count(*) FROM ", name, " WHERE ", c, " IN (SELECT ", c, " FROM ", name, ")")
	}
}

// mysqlFinish gives some tables another engine, collation or partitions.
func mysqlFinish(s *schema, t *table, ddl string) []string {
	r := s.r
	const steady = " STATS_AUTO_RECALC=0"
	switch n := r.IntN(100); {
	case n < 8:
		return []string{ddl + " ENGINE=MyISAM"}
	case n < 18:
		return []string{ddl + " COLLATE " + pick(r, []string{"utf8mb4_bin", "utf8mb4_unicode_ci", "utf8mb4_nopad_bin", "latin1_swedish_ci"}) + steady}
	case n < 24:
		t.parts = true
		return []string{ddl + steady + " PARTITION BY KEY (" + s.ident(t.cols[0].name) + ") PARTITIONS 2"}
	}
	return []string{ddl + " ENGINE=InnoDB" + steady}
}

func mysqlTrigger(s *schema) string {
	r, t := s.r, s.base()
	name := s.fresh("trg")
	event := pick(r, []string{"INSERT", "UPDATE", "DELETE"})
	row := "NEW"
	if event == "DELETE" {
		row = "OLD"
	}
	moment := pick(r, []string{"AFTER", "AFTER", "BEFORE"})
	o := s.base()
	for i := 0; i < 4 && o == t; i++ { // it may not write its own table
		o = s.base()
	}
	c := row + "." + s.ident(pick(r, t.cols).name)
	w := pick(r, o.writable())
	set := s.ident(w.name)
	value := s.d.literal(s.d.plain(r, w.kind))
	step := "UPDATE " + s.ident(o.name) + " SET " + set + " = " + value + " WHERE " + s.ident(pick(r, o.cols).name) + " = " + c
	switch n := r.IntN(8); {
	case moment == "BEFORE" && row == "NEW" && n < 6:
		own := pick(r, t.writable())
		step = "SET NEW." + s.ident(own.name) + " = " + s.d.literal(s.d.plain(r, own.kind))
	case n < 2:
		step = "DELETE FROM " + s.ident(o.name) + " WHERE " + s.ident(pick(r, o.cols).name) + " = " + c
	case n < 4:
		step = "INSERT IGNORE INTO " + s.ident(o.name) + " (" + set + ") VALUES (" + pick(r, []string{value, c}) + ")"
	case n < 5:
		step = "IF " + c + " = 3 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF"
	}
	s.trigs = append(s.trigs, name)
	return "CREATE TRIGGER " + name + " " + moment + " " + event + " ON " + s.ident(t.name) + " FOR EACH ROW BEGIN " + step + "; END"
}

func mysqlAlter(s *schema) (string, func()) {
	r, t := s.r, s.base()
	nop := func() {}
	name := s.ident(t.name)
	switch r.IntN(14) {
	case 0, 1:
		return s.addColumn(t)
	case 2, 3:
		if text := s.index(); text != "" {
			return text, nop
		}
	case 4:
		if len(s.indexes) > 0 {
			return "DROP INDEX IF EXISTS " + pick(r, s.indexes) + " ON " + name, nop
		}
	case 5, 6:
		return mysqlTrigger(s), nop
	case 7:
		if len(s.trigs) > 0 {
			return "DROP TRIGGER IF EXISTS " + pick(r, s.trigs), nop
		}
	case 8, 9:
		v, text := s.view()
		return text, func() { s.tables = append(s.tables, v) }
	case 10:
		return s.renameColumn(t)
	case 11:
		if v := s.any(); v.view {
			return "CREATE OR REPLACE VIEW " + v.name + " AS SELECT * FROM " + name, func() { v.cols = t.cols }
		}
	case 12:
		c := pick(r, t.cols)
		return "ALTER TABLE " + name + " MODIFY " + s.ident(c.name) + " " + pick(r, mysqlServer.types[c.kind]), nop
	case 13:
		return "ALTER TABLE " + name + pick(r, []string{" CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", " ENGINE=InnoDB", " AUTO_INCREMENT = 50", " CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"}), nop
	}
	return "DROP TRIGGER IF EXISTS none", nop
}
