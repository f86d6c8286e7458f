package fuzz

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// Engine opens a database through what is under test. The function it returns
// releases what the *sql.DB does not.
type Engine func(c driver.Connector) (*sql.DB, func() error, error)

// Bare is the engine without a cache.
func Bare(c driver.Connector) (*sql.DB, func() error, error) {
	return sql.OpenDB(c), func() error { return nil }, nil
}

// Mismatch is a step whose answer through the engine is not the bare
// database's.
type Mismatch struct {
	Step      int
	Op        Op
	Got, Want string
	Hit       bool // the answer came from the cache
}

func (m *Mismatch) Error() string {
	how := "from the database"
	if m.Hit {
		how = "from the cache"
	}
	return fmt.Sprintf("step %d (session %d, %s, %s): %s %v\ngot  %s\nwant %s",
		m.Step, m.Op.Session, m.Op.Class, how, m.Op.SQL, m.Op.Args, m.Got, m.Want)
}

// patience is how long a script may take: triggers and cross joins can make a
// statement that SQLite works on for hours. A script that takes longer is
// abandoned and counted.
const patience = 15 * time.Second

// errParted ends a script after an accepted difference that leaves the two
// databases in different states.
var errParted = errors.New("fuzz: the databases parted ways")

// Run executes a script through an engine and on a bare database in step. It
// returns a *Mismatch at the first step that differs. Figures are added to fig.
func Run(ctx context.Context, s *Script, engine Engine, fig *Figures) (err error) {
	dir, err := os.MkdirTemp(scratchDir(), "fuzz")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := newPair(ctx, s, dir, engine)
	if err != nil {
		if ctx.Err() != nil {
			fig.Abandoned++
			return nil
		}
		return fmt.Errorf("set up: %w", err)
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for i := range s.Ops {
		if err := p.step(ctx, i, &s.Ops[i], fig); err != nil {
			if errors.Is(err, errParted) {
				return nil
			}
			if ctx.Err() != nil {
				fig.Abandoned++
				return nil
			}
			return err
		}
	}
	return nil
}

// scratchDir is a directory in memory where there is one: commits there wait
// for no disk.
func scratchDir() string {
	const shm = "/dev/shm"
	if st, err := os.Stat(shm); err == nil && st.IsDir() {
		return shm
	}
	return ""
}

// dsn names a database file with the pragmas of a script.
func dsn(path string, pragmas []string) string {
	q := url.Values{"_pragma": append([]string{"journal_mode(WAL)", "synchronous(OFF)", "busy_timeout(0)"}, pragmas...)}
	return "file:" + path + "?" + q.Encode()
}

// pair is a database behind an engine and its bare twin.
type pair struct {
	moves         int // steps that may have changed the schema
	rec           *Recorder
	engine, bare  *sql.DB
	release       func() error
	cached, plain map[int]*session
	trace         trace
}

// twins makes the script's database in dir, and a copy of it.
func twins(ctx context.Context, s *Script, dir string) (a, b string, err error) {
	a, b = filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	if err := setUp(ctx, a, s); err != nil {
		return "", "", err
	}
	data, err := os.ReadFile(a)
	if err == nil {
		err = os.WriteFile(b, data, 0o600)
	}
	if err != nil {
		return "", "", fmt.Errorf("copy the database: %w", err)
	}
	return a, b, nil
}

func newPair(ctx context.Context, s *Script, dir string, engine Engine) (*pair, error) {
	a, b, err := twins(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	p := &pair{rec: NewRecorder(dsn(a, s.Pragmas)), cached: map[int]*session{}, plain: map[int]*session{}, trace: newTrace()}
	if p.engine, p.release, err = engine(p.rec); err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	p.bare = sql.OpenDB(NewRecorder(dsn(b, s.Pragmas)))
	return p, nil
}

// setUp makes the database at path. A step of the setup that fails is left out.
func setUp(ctx context.Context, path string, s *Script) error {
	db := sql.OpenDB(NewRecorder(dsn(path, s.Pragmas)))
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	defer conn.Close()
	for _, stmt := range s.Setup {
		conn.ExecContext(ctx, stmt) // what fails is simply not there
	}
	_, err = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func (p *pair) close() error {
	for _, ss := range []map[int]*session{p.cached, p.plain} {
		for _, s := range ss {
			s.close()
		}
	}
	return errors.Join(p.engine.Close(), p.release(), p.bare.Close())
}

func (p *pair) step(ctx context.Context, i int, op *Op, fig *Figures) error {
	c, err := sessionOf(ctx, p.cached, p.engine, op.Session)
	if err != nil {
		return fmt.Errorf("open a session: %w", err)
	}
	b, err := sessionOf(ctx, p.plain, p.bare, op.Session)
	if err != nil {
		return fmt.Errorf("open a bare session: %w", err)
	}
	p.rec.watch(op.SQL)
	got := c.do(ctx, op)
	hit := op.Read && !p.rec.seen()
	b.look(ctx, p.moves)
	want := b.do(ctx, op)
	if !op.Read && op.Class != "write" && want.err == nil {
		p.moves++
	}
	if got.differs(&want, op.Ordered) {
		if why, diverges := accepted(op, &got, &want); why != "" {
			fig.Accepted++
			if diverges {
				return errParted
			}
			return nil
		}
		return &Mismatch{Step: i, Op: *op, Got: got.String(), Want: want.String(), Hit: hit && got.err == nil}
	}
	p.trace.note(op, hit, &want, fig)
	return nil
}

func sessionOf(ctx context.Context, m map[int]*session, db *sql.DB, i int) (*session, error) {
	if s, ok := m[i]; ok {
		return s, nil
	}
	s, err := openSession(ctx, db)
	if err == nil {
		m[i] = s
	}
	return s, err
}
