package sqlcache_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/integration/trial"
	"github.com/cacheops/cacheops/sqlcache"
)

// outcome is what a statement did, as far as it is the same on any pool: the
// counts of statements that change nothing are those of some earlier one.
func outcome(c *sql.Conn, q string, query bool, args ...any) (out string) {
	defer func() {
		if p := recover(); p != nil {
			out = fmt.Sprint(p)
		}
	}()
	ctx := context.Background()
	if query {
		s, err := trial.Rows(ctx, c, q, args...)
		return fmt.Sprint(s, err)
	}
	res, err := c.ExecContext(ctx, q, args...)
	if err != nil {
		return err.Error()
	}
	n, e1 := res.RowsAffected()
	id, e2 := res.LastInsertId()
	u := strings.ToUpper(q)
	if !strings.HasPrefix(u, "INSERT") && !strings.HasPrefix(u, "REPLACE") || n == 0 || strings.Contains(u, "CONFLICT") {
		id = -1
	}
	if w, _, _ := strings.Cut(u, " "); !strings.Contains("INSERT REPLACE UPDATE DELETE WITH", w) || w == "" {
		n = -1
	}
	return fmt.Sprint(n, e1, id, e2)
}

var sessionSchema = []string{
	"CREATE TABLE p (id INTEGER PRIMARY KEY, k INT, n TEXT UNIQUE)",
	"CREATE TABLE c (id INTEGER PRIMARY KEY AUTOINCREMENT, pid INT REFERENCES p(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, v INT)",
	"CREATE TABLE log (m)",
	"CREATE TRIGGER tr AFTER UPDATE OF k ON p WHEN new.k > 7 BEGIN INSERT INTO log VALUES(new.id); SELECT RAISE(ROLLBACK,'rb') WHERE new.k=9; SELECT RAISE(FAIL,'fl') WHERE new.k=8; END",
	"CREATE TRIGGER tr2 BEFORE DELETE ON p WHEN old.k = 5 BEGIN SELECT RAISE(IGNORE); END",
	"CREATE VIEW v AS SELECT p.k, count(*) AS n FROM p LEFT JOIN c ON c.pid=p.id GROUP BY p.k ORDER BY p.k",
	"INSERT INTO p VALUES(1,1,'a'),(2,2,'b'),(3,3,'c'),(4,1,'d'),(5,5,'e')",
	"INSERT INTO c(pid,v) VALUES(1,1),(1,2),(2,3)",
}

func sessionStatement(r *rand.Rand) (string, bool) {
	id, k, n := r.Intn(7), r.Intn(10), string(rune('a'+r.Intn(8)))
	or := []string{"", "", "", "OR ROLLBACK ", "OR FAIL ", "OR ABORT ", "OR IGNORE ", "OR REPLACE "}[r.Intn(8)]
	sp := []string{"s", "S", "t", `"x y"`}[r.Intn(4)]
	all := []string{
		"BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "COMMIT", "COMMIT", "END", "ROLLBACK", "/* c */ COMMIT -- x\n;",
		"SAVEPOINT " + sp, "RELEASE " + sp, "RELEASE " + sp, "ROLLBACK TO " + sp, "ROLLBACK TO SAVEPOINT " + sp,
		"INSERT " + or + fmt.Sprintf("INTO p VALUES(%d,%d,'%s')", id, k, n),
		"INSERT " + or + fmt.Sprintf("INTO p(k,n) VALUES(%d,'%s'),(%d,'%s')", k, n, k+1, n+"x"),
		"UPDATE " + or + fmt.Sprintf("p SET k=%d WHERE id=%d", k, id),
		"UPDATE " + or + fmt.Sprintf("p SET k=k+1 WHERE k>=%d", k),
		"UPDATE " + or + fmt.Sprintf("p SET n='%s' WHERE id>=%d", n, id),
		"UPDATE " + or + fmt.Sprintf("p SET n='%s' WHERE id=%d", n, id),
		fmt.Sprintf("DELETE FROM p WHERE id=%d", id),
		fmt.Sprintf("DELETE FROM p WHERE k=%d", k),
		fmt.Sprintf("INSERT INTO c(pid,v) VALUES(%d,%d)", id, k),
		fmt.Sprintf("INSERT INTO c(pid,v) VALUES(%d,%d) RETURNING id, v", id, k),
		fmt.Sprintf("UPDATE %s p SET k=%d WHERE id>=%d RETURNING id", or, k, id),
		fmt.Sprintf("UPDATE c SET v=v+1 WHERE id=%d", id),
		fmt.Sprintf("DELETE FROM c WHERE pid=%d RETURNING *", id),
		fmt.Sprintf("BEGIN; UPDATE p SET k=%d WHERE id=%d", k, id),
		fmt.Sprintf("SAVEPOINT s; UPDATE p SET k=%d WHERE id=%d", k, id),
		fmt.Sprintf("SAVEPOINT s; SAVEPOINT t; UPDATE p SET k=%d WHERE id=%d; RELEASE t", k, id),
		fmt.Sprintf("UPDATE p SET k=%d WHERE id=%d; COMMIT", k, id),
		fmt.Sprintf("BEGIN; UPDATE p SET k=%d WHERE id=%d; COMMIT", k, id),
		fmt.Sprintf("COMMIT; BEGIN; UPDATE p SET k=%d WHERE id=%d", k, id),
		fmt.Sprintf("UPDATE p SET k=%d WHERE id=%d; UPDATE p SET n='%s' WHERE id=%d", k, id, n, id+1),
		fmt.Sprintf("UPDATE p SET k=%d WHERE id=%d; SELECT * FROM p ORDER BY id", k, id),
		"SELECT id, k, n FROM p ORDER BY id", "SELECT * FROM v", "SELECT * FROM c ORDER BY id", "SELECT count(*) FROM log",
		"CREATE INDEX IF NOT EXISTS pk ON p(k)", "DROP INDEX IF EXISTS pk", "CREATE TABLE IF NOT EXISTS z(a)", "DROP TABLE IF EXISTS z",
		"ALTER TABLE z ADD COLUMN b", "INSERT INTO z(a) VALUES(1)", "SELECT * FROM z", "SELECT * FROM nosuch", "SELEC", "",
		"PRAGMA defer_foreign_keys=ON", "CREATE TEMP TABLE IF NOT EXISTS p AS SELECT 1 AS id, 2 AS k, 'q' AS n", "DROP TABLE IF EXISTS temp.p",
		"CREATE TEMP TRIGGER IF NOT EXISTS tt AFTER INSERT ON c BEGIN UPDATE p SET k=k+1 WHERE id=new.pid; END",
		"PRAGMA foreign_keys=OFF", "PRAGMA foreign_keys=ON", "PRAGMA foreign_keys", "PRAGMA recursive_triggers=ON", "VACUUM", "ANALYZE", "REINDEX",
		"EXPLAIN SELECT 1", "SELECT abs(-9223372036854775808), 1", "SELECT json_extract(n,'$') FROM p",
		"WITH x AS (SELECT 1 AS a) UPDATE p SET k=(SELECT a FROM x) WHERE id=1",
		"REPLACE INTO p VALUES(1,4,'b')",
		"INSERT INTO p VALUES(1,3,'b') ON CONFLICT(id) DO UPDATE SET k=excluded.k",
		"INSERT INTO p SELECT id+10,k,n||'z' FROM p",
		"DELETE FROM log",
	}
	q := all[r.Intn(len(all))]
	query := r.Intn(3) == 0 || strings.HasPrefix(q, "SELECT") || strings.Contains(q, "RETURNING") && r.Intn(4) > 0
	return q, query
}

// look has a bare connection look at the schema where it is in no transaction,
// as those behind the cache do.
func look(c *sql.Conn) {
	ctx := context.Background()
	if _, err := c.ExecContext(ctx, "BEGIN"); err != nil {
		return
	}
	_, _ = c.ExecContext(ctx, "ROLLBACK")                            // there is one
	_, _ = c.ExecContext(ctx, "SELECT 1 FROM sqlite_master WHERE 0") // what ails it the statement will tell
}

// manyIdle keeps every real connection that the sessions use at once.
const manyIdle = 8

// warm has the pool open a real connection for each session. Without the cache
// each has had one from the start; where it is opened only when it is needed, its
// pragmas may meet a lock.
func warm(t *testing.T, sessions []*sql.Conn) {
	var open []*sql.Tx
	for _, c := range sessions {
		tx, err := c.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, tx)
	}
	for _, tx := range open {
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}

// Three sessions run random statements, transactions above all, on a cached
// database and on a bare one, and see the same; so do cached reads after each.
func TestSessionsBehaveAsWithoutTheCache(t *testing.T) {
	seed := time.Now().UnixNano()
	if s := os.Getenv("SESSIONS_SEED"); s != "" {
		seed, _ = strconv.ParseInt(s, 10, 64)
	}
	rounds := 20
	if s := os.Getenv("SESSIONS_ROUNDS"); s != "" {
		rounds, _ = strconv.Atoi(s)
	}
	for i := range rounds {
		if !sessionsAgree(t, seed+int64(i)) {
			return
		}
	}
}

func sessionsAgree(t *testing.T, seed int64) (ok bool) {
	r := rand.New(rand.NewSource(seed))
	dir := t.TempDir()
	mode := []string{"WAL", "DELETE"}[r.Intn(2)]
	suffix := "?_pragma=busy_timeout(0)&_pragma=foreign_keys(1)&_pragma=journal_mode(" + mode + ")"
	dsnA, dsnB := "file:"+filepath.Join(dir, "a.db")+suffix, "file:"+filepath.Join(dir, "b.db")+suffix
	cache := newCache(t, nil)
	inner := sql.OpenDB(connectorTo(t, dsnA))
	inner.SetMaxIdleConns(manyIdle)
	defer inner.Close()
	var db *sql.DB
	wrapped := r.Intn(2) == 0
	if wrapped {
		db = sqlcache.Wrap(cache, inner, nil)
	} else {
		db = sqlcache.OpenDB(cache, connectorTo(t, dsnA), &sqlcache.Options{MaxIdleConns: manyIdle})
	}
	defer db.Close()
	judge := sql.OpenDB(connectorTo(t, dsnA))
	defer judge.Close()
	bare := sql.OpenDB(connectorTo(t, dsnB))
	defer bare.Close()
	for _, q := range sessionSchema {
		trial.Exec(t, db, q)
		trial.Exec(t, bare, q)
	}
	ctx := context.Background()
	var as, bs [3]*sql.Conn
	for i := range as {
		as[i], _ = db.Conn(ctx)
		bs[i], _ = bare.Conn(ctx)
		defer as[i].Close()
		defer bs[i].Close()
	}
	warm(t, as[:])
	reads := []string{
		"SELECT id, k, n FROM p ORDER BY id", "SELECT * FROM v", "SELECT * FROM c ORDER BY id", "SELECT count(*) FROM log",
		"SELECT k FROM p WHERE id=1", "SELECT n FROM p WHERE k=1 ORDER BY id", "SELECT sum(v) FROM c WHERE pid=1", "SELECT * FROM z", "SELECT p.n, c.v FROM p JOIN c ON c.pid=p.id WHERE p.k=2 ORDER BY c.id",
	}
	var log []string
	for range 60 {
		s := r.Intn(3)
		q, query := sessionStatement(r)
		look(bs[s])
		a, b := strings.TrimPrefix(outcome(as[s], q, query), "read pragma schema_version: "), outcome(bs[s], q, query)
		log = append(log, fmt.Sprintf("%d(%v): %s\n\t\t-> %s", s, query, q, a))
		if a != b && strings.Contains(q, "RETURNING") && strings.HasSuffix(b, a) {
			continue
		}
		if a != b && (mode == "DELETE" || strings.Contains(q, "EXISTS")) && (strings.Contains(a, "locked") != strings.Contains(b, "locked")) {
			return true // a schema known to one and not to the other: they have diverged
		}
		if a != b && mode == "DELETE" && strings.Contains(a, "locked") && strings.Contains(b, "no such table") {
			continue
		}
		if a != b {
			t.Errorf("seed %d %s wrap=%v differs:\n\tcached %s\n\tbare   %s\n%s", seed, mode, wrapped, a, b, strings.Join(log, "\n"))
			return false
		}
		for _, q := range reads {
			var rep cacheops.Report
			x, err := trial.Rows(cacheops.With(ctx, cacheops.Call{Report: &rep}), db, q)
			y, err2 := trial.Rows(ctx, judge, q)
			if err2 != nil && (strings.Contains(err2.Error(), "locked") || err != nil && strings.Contains(err.Error(), "locked")) {
				continue
			}
			if fmt.Sprint(x, err) != fmt.Sprint(y, err2) {
				t.Errorf("seed %d %s stale %v: %s\n\tcached %s %v\n\tbare   %s %v\n%s", seed, mode, rep.Hit, q, x, err, y, err2, strings.Join(log, "\n"))
				return false
			}
		}
	}
	return true
}
