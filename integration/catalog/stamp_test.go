package catalog_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cacheops/cacheops/integration/live"
	"github.com/cacheops/cacheops/internal/catalog"
)

// step is a statement, and whether the schema is another one after it.
type step struct {
	sql   string
	moves bool
}

func stamps(t *testing.T, exec func(string), stamp func() string, steps []step) {
	before := stamp()
	for _, s := range steps {
		exec(s.sql)
		after := stamp()
		if (after != before) != s.moves {
			t.Errorf("%s: moved %v, want %v", s.sql, after != before, s.moves)
		}
		before = after
	}
}

func TestPostgresStamp(t *testing.T) {
	db := live.Postgres(t, pgx.QueryExecModeCacheStatement, nil)
	stamps(t, func(sql string) { script(t, db, sql) }, func() string {
		s, err := catalog.StampPostgres(t.Context(), live.Query(db))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, []step{
		{"CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x', b int)", true},
		{"INSERT INTO t VALUES (1, 'x', 2), (2, 'y', 3)", false},
		{"UPDATE t SET b = b + 1; DELETE FROM t WHERE id = 2", false},
		{"ANALYZE t", false},
		{"VACUUM t", false},
		{"TRUNCATE t", false},
		{"CREATE TEMP TABLE x (a int)", false},
		{"BEGIN; ALTER TABLE t ADD COLUMN z int; ROLLBACK", false},
		{"ALTER TABLE t ADD COLUMN c int", true},
		{"ALTER TABLE t ADD COLUMN d int DEFAULT 5", true},
		{"ALTER TABLE t ALTER COLUMN a DROP DEFAULT", true},
		{"ALTER TABLE t ALTER COLUMN b SET DEFAULT 6", true},
		{"ALTER TABLE t ALTER COLUMN b SET DEFAULT 7", true},
		{"ALTER TABLE t ALTER COLUMN b SET NOT NULL", true},
		{"ALTER TABLE t ALTER COLUMN b TYPE bigint", true},
		{`ALTER TABLE t ALTER COLUMN a TYPE text COLLATE "C"`, true},
		{"ALTER TABLE t RENAME COLUMN c TO e", true},
		{"ALTER TABLE t DROP COLUMN e", true},
		{"CREATE INDEX i ON t (a)", true},
		{"CREATE UNIQUE INDEX u ON t (a) WHERE b > 0", true},
		{"DROP INDEX u", true},
		{"ALTER TABLE t ADD CONSTRAINT late UNIQUE (b) DEFERRABLE", true},
		{"CREATE TABLE k (t int REFERENCES t)", true},
		{"ALTER TABLE k DROP CONSTRAINT k_t_fkey, ADD FOREIGN KEY (t) REFERENCES t ON DELETE CASCADE", true},
		{"CREATE VIEW v AS SELECT id FROM t", true},
		{"CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE b > 0", true},
		{"ALTER VIEW v SET (security_barrier = true)", true},
		{"CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM t", true},
		{"REFRESH MATERIALIZED VIEW m", false},
		{"CREATE RULE r AS ON DELETE TO v DO INSTEAD NOTHING", true},
		{"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$", true},
		{"CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()", true},
		{"CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO k VALUES (1); RETURN NEW; END$$", true},
		{"ALTER TABLE t DISABLE TRIGGER g", true},
		{"DROP TRIGGER g ON t", true},
		{"ALTER TABLE t ENABLE ROW LEVEL SECURITY", true},
		{"CREATE POLICY p ON t USING (id > 0)", true},
		{"ALTER POLICY p ON t USING (id > 1)", true},
		{"ALTER TABLE t FORCE ROW LEVEL SECURITY", true},
		{"CREATE TABLE parts (id int) PARTITION BY LIST (id)", true},
		{"CREATE TABLE part (id int)", true},
		{"ALTER TABLE parts ATTACH PARTITION part FOR VALUES IN (1)", true},
		{"ALTER TABLE parts DETACH PARTITION part", true},
		{"CREATE TABLE heir () INHERITS (k)", true},
		{"ALTER TABLE heir NO INHERIT k", true},
		{"CREATE TYPE mood AS ENUM ('a')", true},
		{"ALTER TYPE mood ADD VALUE 'b'", true},
		{"CREATE TYPE pair AS (a int)", true},
		{"ALTER TYPE pair ADD ATTRIBUTE b int", true},
		{"ALTER TYPE pair RENAME ATTRIBUTE b TO c", true},
		{"CREATE TEMP TABLE y (p pair)", false},
		{"CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = simple)", true},
		{"ALTER TEXT SEARCH DICTIONARY words (accept = false)", true},
		{"CREATE TEXT SEARCH CONFIGURATION texts (COPY = simple)", true},
		{"ALTER TEXT SEARCH CONFIGURATION texts ALTER MAPPING FOR asciiword WITH words", true},
		{"CREATE DOMAIN d AS int", true},
		{"ALTER DOMAIN d SET DEFAULT 3", true},
		{"ALTER DOMAIN d ADD CHECK (VALUE > 0)", true},
		{"CREATE SEQUENCE s", true},
		{"SELECT nextval('s')", false},
		{"CREATE FUNCTION lower(int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'", true},
		{"CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", true},
		{"CREATE CAST (int AS mood) WITH INOUT", true},
		{"CREATE COLLATION c (provider = icu, locale = 'und', deterministic = false)", true},
		{"ALTER TABLE t RENAME TO t2", true},
		{"CREATE SCHEMA sch", true},
		{"ALTER TABLE t2 SET SCHEMA sch", true},
		{"ALTER SCHEMA sch RENAME TO sch2", true},
		{"DROP SCHEMA sch2 CASCADE", true},
	})
}

// TestPostgresReadWhileItMoves: what the catalog is read from must hold still; roles,
// which are the whole server's, need not, but the stamp tells of them.
func TestPostgresReadWhileItMoves(t *testing.T) {
	db := live.Postgres(t, pgx.QueryExecModeDescribeExec, nil)
	plain := live.Query(db)
	for part, steady := range map[string]bool{"member": true, "role": true, "trigger": false} {
		n := 0
		cat, err := catalog.ReadPostgres(t.Context(), func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
			rows, err := plain(ctx, text, args...)
			for _, row := range rows {
				if row[0] == part {
					n++
					row[2] = fmt.Sprint("moved ", n)
				}
			}
			return rows, err
		}, catalog.Session{UTC: true})
		if (err == nil) != steady {
			t.Errorf("%s moves: %v", part, err)
		}
		if err == nil && !strings.Contains(cat.Stamp, "moved 1\n") {
			t.Errorf("%s moves: not the stamp of before: %s", part, cat.Stamp)
		}
	}
}

func TestMariaDBStamp(t *testing.T) {
	db := live.MySQL(t, true, "")
	stamps(t, func(sql string) { script(t, db, sql) }, func() string {
		s, err := catalog.StampMySQL(t.Context(), live.Query(db))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, []step{
		{"CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, a varchar(20) DEFAULT 'x', b int)", true},
		{"INSERT INTO t (a, b) VALUES ('x', 2), ('y', 3)", false},
		{"UPDATE t SET b = b + 1", false},
		{"ANALYZE TABLE t", false},
		{"TRUNCATE t", false},
		{"CREATE TEMPORARY TABLE x (a int)", false},
		{"ALTER TABLE t ADD COLUMN c int", true},
		{"ALTER TABLE t ADD COLUMN d int DEFAULT 5", true},
		{"ALTER TABLE t ALTER COLUMN a DROP DEFAULT", true},
		{"ALTER TABLE t ALTER COLUMN d SET DEFAULT 6", true},
		{"ALTER TABLE t MODIFY b int NOT NULL", true},
		{"ALTER TABLE t MODIFY b bigint unsigned NOT NULL", true},
		{"ALTER TABLE t MODIFY a varchar(20) COLLATE utf8mb4_bin", true},
		{"ALTER TABLE t CHANGE c e int", true},
		{"ALTER TABLE t DROP COLUMN e", true},
		{"ALTER TABLE t ADD COLUMN at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP", true},
		{"ALTER TABLE t MODIFY at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP", true},
		{"CREATE INDEX i ON t (a)", true},
		{"DROP INDEX i ON t", true},
		{"CREATE UNIQUE INDEX i ON t (a)", true},
		{"DROP INDEX i ON t", true},
		{"CREATE UNIQUE INDEX i ON t (a(5))", true},
		{"CREATE TABLE k (t int, CONSTRAINT fk FOREIGN KEY (t) REFERENCES t (id))", true},
		{"ALTER TABLE k DROP FOREIGN KEY fk; ALTER TABLE k ADD CONSTRAINT fk FOREIGN KEY (t) REFERENCES t (id) ON DELETE CASCADE", true},
		{"ALTER TABLE k DROP FOREIGN KEY fk; ALTER TABLE k ADD CONSTRAINT fk FOREIGN KEY (t) REFERENCES t (id) ON DELETE SET NULL", true},
		{"ALTER TABLE k DROP FOREIGN KEY fk", true},
		{"CREATE VIEW v AS SELECT id FROM t", true},
		{"CREATE OR REPLACE VIEW v AS SELECT id FROM t WHERE b > 0", true},
		{"CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET NEW.b = 1", true},
		{"CREATE OR REPLACE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW SET NEW.b = 2", true},
		{"CREATE PROCEDURE p() INSERT INTO k VALUES (1)", true},
		{"CREATE OR REPLACE PROCEDURE p() INSERT INTO k VALUES (2)", true},
		{"DROP TRIGGER g", true},
		{"CREATE TABLE e (id int, n enum('a'))", true},
		{"ALTER TABLE e MODIFY n enum('a','b')", true},
		{"ALTER TABLE e ENGINE = MyISAM", true},
		{"CREATE SEQUENCE s", true},
		{"SELECT nextval(s)", false},
		{"RENAME TABLE e TO e2", true},
		{"DROP TABLE e2", true},
	})
}

// TestMariaDBReferencesFromElsewhere asks with databases that are asked one by one,
// whatever their names, and with too many of them, as one whom InnoDB tells what
// refers to what, and as one whom it does not.
func TestMariaDBReferencesFromElsewhere(t *testing.T) {
	db := live.MySQL(t, true, "")
	var own string
	if err := db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&own); err != nil {
		t.Fatal(err)
	}
	unprivileged := live.User(t, db, "SELECT")
	script(t, db, "CREATE TABLE t (id int PRIMARY KEY); GRANT SELECT ON `"+own+"_%`.* TO "+currentUser(t, unprivileged))
	for i, other := range []string{own + `_Öd'\"x%d`, own + "_many"} {
		t.Cleanup(func() { script(t, db, "DROP DATABASE IF EXISTS `"+other+"`") })
		script(t, db, "CREATE DATABASE `"+other+"`")
		if i == 1 {
			crowd(t, db, own)
		}
		seen := []*referred{{T: t, db: db}, {T: t, db: unprivileged}}
		for _, r := range seen {
			r.moved()
		}
		script(t, db, "CREATE TABLE `"+other+"`.`c` (n int, m int, FOREIGN KEY (m) REFERENCES `"+own+"`.t (id) ON DELETE CASCADE)")
		for _, r := range seen {
			if !r.moved() {
				t.Errorf("a reference from %s leaves the stamp as it is", other)
			}
			if got, want := r.children(), strings.ToLower(other)+".c CASCADE m"; !slices.Contains(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
		script(t, db, "DROP DATABASE `"+other+"`")
		for _, r := range seen {
			if !r.moved() {
				t.Errorf("that %s is gone leaves the stamp as it is", other)
			}
		}
	}
}

// referred is what a user sees of the references to a table.
type referred struct {
	*testing.T
	db    *sql.DB
	stamp string
}

// moved reports whether the stamp is another one than before.
func (r *referred) moved() bool {
	r.Helper()
	last := r.stamp
	var err error
	if r.stamp, err = catalog.StampMySQL(r.Context(), live.Query(r.db)); err != nil {
		r.Fatal(err)
	}
	return r.stamp != last
}

func (r *referred) children() (names []string) {
	cat := live.Catalog(r.T, r.db, catalog.Session{UTC: true})
	for _, fk := range cat.Named("t")[0].Children {
		names = append(names, fk.Child+" "+fk.OnDelete+" "+strings.Join(fk.Columns, ","))
	}
	return names
}

// TestMariaDBAsksWhoRefersAlone: of two databases that do not refer to a third, none is
// asked for its tables, one of which may be locked.
func TestMariaDBAsksWhoRefersAlone(t *testing.T) {
	db, other := live.MySQL(t, true, ""), live.MySQL(t, true, "")
	script(t, db, "CREATE TABLE t (id int PRIMARY KEY)")
	var name string
	if err := other.QueryRowContext(t.Context(), "SELECT hex(DATABASE())").Scan(&name); err != nil {
		t.Fatal(err)
	}
	asked := false
	q := live.Query(db)
	if _, err := catalog.StampMySQL(t.Context(), func(ctx context.Context, text string, args ...any) ([][]driver.Value, error) {
		asked = asked || strings.Contains(text, name)
		return q(ctx, text, args...)
	}); err != nil || asked {
		t.Errorf("%v, asked %v", err, asked)
	}
}

// currentUser is a user as GRANT names it.
func currentUser(t *testing.T, db *sql.DB) string {
	t.Helper()
	var name string
	if err := db.QueryRowContext(t.Context(), "SELECT concat('`', replace(current_user(), '@', '`@`'), '`')").Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}

// crowd makes more databases than are asked one by one.
func crowd(t *testing.T, db *sql.DB, prefix string) {
	for i := range 65 {
		name := fmt.Sprintf("%s_%d", prefix, i)
		script(t, db, "CREATE DATABASE "+name)
		t.Cleanup(func() { script(t, db, "DROP DATABASE "+name) })
	}
}
