package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/cacheops/cacheops"
)

func prepared(s *suite) {
	query, done, err := s.Cached.Prepare(cacheops.With(s.ctx, cacheops.Call{}), s.text(byKey))
	if err != nil {
		s.Fatal(err)
	}
	for _, id := range []int64{1, 2, 1, 99} {
		rows, err := query(id)
		bare, _ := s.query(s.Bare, byKey, id)
		if err != nil || show(rows) != bare {
			s.Errorf("id %d: prepared %s, %v; bare %s", id, show(rows), err, bare)
		}
	}
	s.exec(s.Cached, "UPDATE item SET name = 'written' WHERE id = 1")
	rows, err := query(int64(1))
	if bare, _ := s.query(s.Bare, byKey, 1); err != nil || show(rows) != bare {
		s.Errorf("after a write: prepared %s, %v; bare %s", show(rows), err, bare)
	}
	if err := done(); err != nil {
		s.Error(err)
	}
	if _, hit := s.check(byKey, int64(1)); !hit {
		s.Error("what a prepared statement read was not kept")
	}
	if _, _, err := s.Cached.Prepare(s.ctx, "SELECT nonsense FROM nowhere"); err == nil {
		s.Error("a statement that the database rejects was prepared")
	}
}

func nulls(s *suite) {
	null := "SELECT id, price FROM item WHERE price IS NULL ORDER BY id"
	s.warm(null)
	s.warm(byKey, 3)
	s.exec(s.Cached, "UPDATE item SET price = ? WHERE id = ?", nil, 1)
	s.check(null)
	s.warm(null)
	s.exec(s.Cached, "UPDATE item SET price = 7 WHERE id = 3")
	s.check(null)
	s.check(byKey, 3)
	s.warm("SELECT name FROM item WHERE kind = ?", nil)
	s.exec(s.Cached, "INSERT INTO item (id, kind, name) VALUES (9, NULL, '')")
	s.check("SELECT name FROM item WHERE kind IS NULL")
	s.check(byKey, 9)
}

func bytesAreOwn(s *suite) {
	s.exec(s.Cached, "CREATE TABLE blobs (id INTEGER PRIMARY KEY, data "+blobType(s)+")")
	s.exec(s.Cached, "INSERT INTO blobs (id, data) VALUES (?, ?)", 1, []byte("precious"))
	q := "SELECT data FROM blobs WHERE id = ?"
	s.warm(q, 1)
	for range 2 {
		rows, err := s.Cached.Query(s.ctx, s.text(q), 1)
		if err != nil {
			s.Fatal(err)
		}
		b := rows[0][0].([]byte)
		if string(b) != "precious" {
			s.Fatalf("read %q", b)
		}
		copy(b, "########")
	}
	if _, hit := s.check(q, 1); !hit {
		s.Error("no longer a hit")
	}
	// Arguments are the caller's too: the key must not change with them.
	arg := []byte("precious")
	byData := "SELECT id FROM blobs WHERE data = ?"
	s.warm(byData, arg)
	copy(arg, "########")
	if rows, hit := s.check(byData, arg); hit || rows != "" {
		s.Errorf("a changed argument is a hit: %s", rows)
	}
}

func blobType(s *suite) string {
	if s.Dollar {
		return "BYTEA"
	}
	return "BLOB"
}

func errorsAreOwn(s *suite) {
	for _, q := range []string{"SELECT nonsense FROM item", "SELECT 1 FROM nowhere", "SELEKT 1", "INSERT INTO nowhere VALUES (1)"} {
		for range 2 {
			_, cached := s.Cached.Query(s.ctx, q)
			_, bare := s.Bare.Query(s.ctx, q)
			if cached == nil || bare == nil || cached.Error() != bare.Error() {
				s.Errorf("%s: the cache says %v, the database %v", q, cached, bare)
			}
		}
	}
	insert := "INSERT INTO item (id, name) VALUES (1, 'again')"
	_, cached := s.Cached.Exec(s.ctx, insert)
	_, bare := s.Bare.Exec(s.ctx, insert)
	if cached == nil || bare == nil || cached.Error() != bare.Error() {
		s.Errorf("%s: the cache says %v, the database %v", insert, cached, bare)
	}
	s.warm(byKey, 1)
}

func failedWrites(s *suite) {
	s.warm(byKind, 1)
	s.warm("SELECT count(*) FROM item")
	if _, err := s.Cached.Exec(s.ctx, "INSERT INTO item (id, kind) VALUES (10, 1), (1, 1)"); err == nil {
		s.Fatal("a duplicate key was accepted")
	}
	s.check(byKind, 1)
	s.check("SELECT count(*) FROM item")

	tx := s.begin()
	s.exec(tx, "UPDATE item SET name = 'before' WHERE id = 1")
	if _, err := tx.Exec(s.ctx, "INSERT INTO item (id) VALUES (1)"); err == nil {
		s.Fatal("a duplicate key was accepted")
	}
	// Databases differ in whether the transaction goes on. The answers may not.
	if tx.Commit() != nil {
		_ = tx.Rollback() // it is over either way
	}
	s.check(byKey, 1)
	s.check(byKind, 1)
}

func bigResults(s *suite) {
	long := strings.Repeat("x", 190)
	n := s.MaxEntry/len(long) + 10
	tx := s.begin()
	for i := range n {
		s.exec(tx, "INSERT INTO item (id, kind, name) VALUES (?, 7, ?)", 1000+i, long)
	}
	s.commit(tx)
	for range 3 {
		if _, hit := s.check(byKind, 7); hit {
			s.Error("a result beyond the limit was kept")
		}
	}
	if rows, _ := s.check("SELECT count(*) FROM item WHERE kind = ?", 7); !strings.Contains(rows, fmt.Sprint(n)) {
		s.Errorf("counted %s of %d", rows, n)
	}
	s.warm(byKey, 1)
}

func cancelled(s *suite) {
	s.warm(byKey, 1)
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	for _, q := range []string{"SELECT name FROM item WHERE id = 2", "SELECT name FROM item WHERE id = 3"} {
		if _, err := s.Cached.Query(ctx, q); !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v, want context.Canceled", q, err)
		}
	}
	if _, err := s.Cached.Exec(ctx, "UPDATE item SET name = 'never' WHERE id = 1"); !errors.Is(err, context.Canceled) {
		s.Errorf("a write with a cancelled context: %v", err)
	}
	if rows, _ := s.check(byKey, 1); strings.Contains(rows, "never") {
		s.Errorf("a cancelled write was made: %s", rows)
	}
}

// slow takes the database long enough for others to come and wait: some
// hundred thousand rows to look at.
const slow = "SELECT count(*) FROM item a, item b, item c WHERE a.id + b.id + c.id > ?"

func leaderCancelled(s *suite) {
	tx := s.begin()
	for i := range 70 {
		s.exec(tx, "INSERT INTO item (id, kind) VALUES (?, 5)", 100+i)
	}
	s.commit(tx)
	want, _ := s.query(s.Bare, slow, 0)
	// An adapter may keep statements prepared. GORM hands a cancellation while it
	// prepares one to all who wait for that, with the cache and without.
	s.query(s.Cached, slow, 1)
	ctx, cancel := context.WithCancel(s.ctx)
	var wg sync.WaitGroup
	leader, followers := make(chan error, 1), make(chan string, 4)
	wg.Go(func() {
		_, err := s.Cached.Query(ctx, s.text(slow), 0)
		leader <- err
	})
	for range cap(followers) {
		wg.Go(func() {
			rows, err := s.Cached.Query(s.ctx, s.text(slow), 0)
			followers <- fmt.Sprint(show(rows), err)
		})
	}
	cancel()
	wg.Wait()
	if err := <-leader; err != nil && !errors.Is(err, context.Canceled) {
		s.Errorf("the cancelled caller: %v", err)
	}
	for range cap(followers) {
		if got := <-followers; got != fmt.Sprint(want, error(nil)) {
			s.Errorf("another caller got %s, want %s", got, want)
		}
	}
}

func panics(s *suite) {
	s.warm(byKey, 1)
	func() {
		defer func() {
			if recover() == nil {
				s.Error("the panic was swallowed")
			}
		}()
		tx := s.begin()
		defer func() {
			if err := tx.Rollback(); err != nil {
				s.Error(err)
			}
		}()
		s.exec(tx, "UPDATE item SET name = 'panicked' WHERE id = 1")
		panic("the program's own")
	}()
	if rows, hit := s.check(byKey, 1); !hit {
		s.Errorf("the rollback dropped an entry: %s", rows)
	}
	s.exec(s.Cached, "UPDATE item SET name = 'after' WHERE id = 1")
	s.check(byKey, 1)
}

func concurrent(s *suite) {
	s.exec(s.Cached, "UPDATE item SET kind = 0")
	const writers, readers, rounds = 2, 3, 40
	var done [writers + 1]atomicMax
	var wg sync.WaitGroup
	for w := 1; w <= writers; w++ {
		wg.Go(func() {
			for i := int64(1); i <= rounds; i++ {
				if _, err := s.Cached.Exec(s.ctx, s.text("UPDATE item SET kind = ? WHERE id = ?"), i, w); err != nil {
					s.Errorf("write: %v", err)
					return
				}
				done[w].raise(i)
			}
		})
	}
	for range readers {
		wg.Go(func() {
			for i := range 4 * rounds {
				id := i%writers + 1
				floor := done[id].load()
				rows, err := s.Cached.Query(s.ctx, s.text("SELECT kind FROM item WHERE id = ?"), id)
				if err != nil || len(rows) != 1 {
					s.Errorf("read: %v, %v", rows, err)
					return
				}
				if got := rows[0][0].(int64); got < floor {
					s.Errorf("row %d: read %d after %d was committed", id, got, floor)
				}
			}
		})
	}
	wg.Wait()
	s.check("SELECT id, kind FROM item ORDER BY id")
}

// atomicMax is the latest round of a writer that is known to be committed.
type atomicMax struct {
	mu sync.Mutex
	n  int64
}

func (m *atomicMax) raise(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n = max(m.n, n)
}

func (m *atomicMax) load() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n
}

func ddl(s *suite) {
	star := "SELECT * FROM item WHERE id = 1"
	s.warm(star)
	s.exec(s.Cached, "ALTER TABLE item ADD COLUMN extra INTEGER")
	s.check(star)
	s.warm(star)
	s.exec(s.Cached, "UPDATE item SET extra = 5")
	s.check(star)
	s.exec(s.Cached, "CREATE TABLE later (id INTEGER PRIMARY KEY)")
	s.warm("SELECT count(*) FROM later")
	s.exec(s.Cached, "INSERT INTO later VALUES (1)")
	s.check("SELECT count(*) FROM later")
	s.exec(s.Cached, "DROP TABLE later")
	if _, err := s.Cached.Query(s.ctx, "SELECT count(*) FROM later"); err == nil {
		s.Error("a dropped table was read")
	}
}
