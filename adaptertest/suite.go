package adaptertest

import (
	"context"
	"testing"
)

// Run runs the suite. open makes a harness over an empty database; it is called
// once per test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := &suite{T: t, Harness: open(t), ctx: context.Background()}
			s.exec(s.Cached, "CREATE TABLE item (id INTEGER PRIMARY KEY, kind INTEGER, name VARCHAR(200), price DOUBLE PRECISION)")
			s.exec(s.Cached, "INSERT INTO item (id, kind, name, price) VALUES (1, 1, 'one', 1.5), (2, 1, 'two', 2), (3, 2, 'three', NULL)")
			test.run(s)
		})
	}
}

var tests = []struct {
	name string
	run  func(*suite)
}{
	{"a read is a hit the second time", hitSecondTime},
	{"arguments of different types are different reads", argumentTypes},
	{"a write is seen by the next read", writesAreSeen},
	{"a rollback drops nothing", rollbackDropsNothing},
	{"a commit drops what it changed", commitDrops},
	{"a transaction's writes are its own until it commits", ownWrites},
	{"a savepoint's rollback forgets what came after it", savepoints},
	{"prepared statements are answered from the cache", prepared},
	{"NULL is a value like others", nulls},
	{"a caller may write to the bytes it got", bytesAreOwn},
	{"errors are the database's own and not kept", errorsAreOwn},
	{"a failed write keeps what the database keeps", failedWrites},
	{"a result too large to keep is complete", bigResults},
	{"a cancelled context ends the call", cancelled},
	{"the first caller's cancellation harms nobody else", leaderCancelled},
	{"a panic in a transaction leaves nothing behind", panics},
	{"a read that follows a commit sees it, from any goroutine", concurrent},
	{"DDL is seen at once", ddl},
	{"hints in the text are heeded", hints},
}

const (
	byKey  = "SELECT id, kind, name, price FROM item WHERE id = ?"
	byKind = "SELECT id, name, price FROM item WHERE kind = ? ORDER BY id"
)

func hitSecondTime(s *suite) {
	if _, hit := s.check(byKey, 1); hit {
		s.Error("a hit before anything was kept")
	}
	if _, hit := s.check(byKey, 1); !hit {
		s.Error("no hit the second time")
	}
	if _, hit := s.check(byKey, 2); hit {
		s.Error("another argument is a hit")
	}
	s.warm("SELECT count(*) FROM item")
}

func argumentTypes(s *suite) {
	s.warm(byKey, 1)
	s.warm(byKey, int64(1))
	for _, arg := range []any{2, int64(3), 99, nil} {
		if _, hit := s.check(byKey, arg); hit {
			s.Errorf("%T %v is a hit of another argument's", arg, arg)
		}
	}
	q := "SELECT id FROM item WHERE name = ? AND name <> ?"
	s.warm(q, "one", "")
	if _, hit := s.check(q, "o", "ne"); hit {
		s.Error("arguments run into each other")
	}
}

func writesAreSeen(s *suite) {
	for _, w := range []string{
		"UPDATE item SET name = 'uno' WHERE id = 1",
		"INSERT INTO item (id, kind, name) VALUES (4, 1, 'four')",
		"DELETE FROM item WHERE id = 2",
		"UPDATE item SET kind = 2 WHERE id = 1",
		"UPDATE item SET price = price + 1",
		"DELETE FROM item",
	} {
		s.warm(byKey, 1)
		s.warm(byKind, 1)
		s.warm(byKind, 2)
		s.warm("SELECT count(*) FROM item")
		s.exec(s.Cached, w)
		s.check(byKey, 1)
		s.check(byKind, 1)
		s.check(byKind, 2)
		s.check("SELECT count(*) FROM item")
	}
}

func rollbackDropsNothing(s *suite) {
	s.warm(byKey, 1)
	tx := s.begin()
	s.exec(tx, "UPDATE item SET name = 'gone' WHERE id = 1")
	if err := tx.Rollback(); err != nil {
		s.Fatal(err)
	}
	if _, hit := s.check(byKey, 1); !hit {
		s.Error("a rollback dropped an entry")
	}
}

func (s *suite) begin() Tx {
	s.Helper()
	tx, err := s.Cached.Begin(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	return tx
}

func (s *suite) commit(tx Tx) {
	s.Helper()
	if err := tx.Commit(); err != nil {
		s.Fatal(err)
	}
}

func commitDrops(s *suite) {
	s.warm(byKey, 1)
	s.warm(byKey, 2)
	tx := s.begin()
	s.exec(tx, "UPDATE item SET name = 'new' WHERE id = ?", 1)
	s.commit(tx)
	if rows, hit := s.check(byKey, 1); hit {
		s.Errorf("still a hit after the commit: %s", rows)
	}
	tx = s.begin()
	s.commit(tx)
	s.warm(byKey, 1)
}

func ownWrites(s *suite) {
	before := s.warm(byKey, 1)
	tx := s.begin()
	s.exec(tx, "UPDATE item SET name = 'inside' WHERE id = 1")
	inside, hit := s.query(tx, byKey, 1)
	if hit || inside == before {
		s.Errorf("the transaction does not see its own write: %s", inside)
	}
	if outside, _ := s.check(byKey, 1); outside != before {
		s.Errorf("outside sees what is not committed: %s", outside)
	}
	s.commit(tx)
	if after, _ := s.check(byKey, 1); after != inside {
		s.Errorf("after the commit %s, the transaction saw %s", after, inside)
	}
}

func savepoints(s *suite) {
	s.warm(byKey, 1)
	s.warm(byKey, 2)
	tx := s.begin()
	s.exec(tx, "UPDATE item SET name = 'first' WHERE id = 1")
	s.exec(tx, "SAVEPOINT here")
	s.exec(tx, "UPDATE item SET name = 'second' WHERE id = 2")
	s.exec(tx, "ROLLBACK TO here")
	s.exec(tx, "SAVEPOINT again")
	s.exec(tx, "UPDATE item SET name = 'third' WHERE id = 3")
	s.exec(tx, "RELEASE SAVEPOINT again")
	s.commit(tx)
	s.check(byKey, 1)
	s.check(byKey, 2)
	if rows, _ := s.check(byKey, 3); rows == "" {
		s.Error("row 3 is gone")
	}
	s.check(byKind, 2)
}
