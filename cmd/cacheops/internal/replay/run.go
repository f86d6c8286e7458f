// Package replay runs a log of SQL statements against a copy of a database
// through the cache, and measures what the cache does for it: which reads hit,
// which entries a write drops and whether it had to, and whether any answer
// differs from the bare database's.
//
// Statements run one at a time, in the order of the log, each on its session's
// own connection. That makes the comparison exact: between a cached answer and
// its check nothing else can write.
package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
	"github.com/cacheops/cacheops/memstore"
	"github.com/cacheops/cacheops/sqlcache"
	"modernc.org/sqlite"
)

// Config is how a replay runs.
type Config struct {
	// Rules of the cache. None: every read for an hour.
	Rules []cacheops.Rule
	// Verify compares each answer that went through the cache with the bare
	// database's, and runs everything else on a second copy too, to tell
	// statements that fail from statements that the cache makes fail.
	Verify bool
	// NoPrecision leaves out looking for what each write drops, which takes time
	// proportional to the live entries of its tables.
	NoPrecision bool
	// Sessions that statements without a session are spread over. Zero: one.
	Sessions int
	// Pragmas, as "name=value", are set on every connection; the log's own
	// settings of these are passed over.
	Pragmas []string
	// CacheBytes bounds the store. Zero: 256 MiB.
	CacheBytes int64
	// KeepGoing passes over lines that cannot be read.
	KeepGoing bool
	// OnBadLine, if not nil, is told of each such line.
	OnBadLine func(*querylog.LineError)
	// Progress, if not nil, is called after each statement with the report so
	// far, whose lists and ratios are not filled in.
	Progress func(*Report)
}

const defaultCacheBytes = 256 << 20

// Run replays a log against the database file at path, which it changes: give
// it a copy. Further files are made beside it. The report is never nil; with an
// error it covers what ran before.
func Run(ctx context.Context, path string, log querylog.Reader, cfg Config) (*Report, error) {
	r, err := start(ctx, path, cfg)
	if err == nil {
		err = r.all(ctx, log)
	}
	return r.finish(), errors.Join(err, r.close())
}

// run is a replay under way.
type run struct {
	cfg    Config
	cache  *cacheops.Cache
	cached *sql.DB
	bare   *sql.DB // of the same file, past the cache
	twin   *sql.DB // of the second copy; nil unless verifying

	sessions map[string]*session
	order    []*session

	seen      observed
	ledger    *ledger
	kinds     map[string]querylog.Kind
	report    Report
	misses    map[string]int
	notCached groups
	failures  groups
	dropped   dropGroups
	took      struct{ hit, bareHit, miss, bareMiss samples }
}

func start(ctx context.Context, path string, cfg Config) (*run, error) {
	r := &run{
		cfg: cfg, sessions: map[string]*session{}, kinds: map[string]querylog.Kind{},
		misses: map[string]int{}, notCached: groups{}, failures: groups{}, dropped: dropGroups{},
	}
	r.report.DidVerify = cfg.Verify
	r.ledger = newLedger(nil)
	if cfg.NoPrecision {
		r.ledger.gone = whyUnknown
	}
	if err := r.open(ctx, path); err != nil {
		return r, err
	}
	views, err := r.views(ctx)
	r.ledger.forgetTables(views)
	return r, err
}

func (r *run) open(ctx context.Context, path string) (err error) {
	if r.cfg.Verify {
		twin := filepath.Join(filepath.Dir(path), "twin.sqlite")
		if err := copyFile(ctx, path, twin); err != nil {
			return fmt.Errorf("copy database: %w", err)
		}
		if r.twin, err = sql.Open("sqlite", dsn(twin, r.cfg.Pragmas)); err != nil {
			return fmt.Errorf("open the second copy: %w", err)
		}
	}
	connector, err := sqlite.NewConnector(dsn(path, r.cfg.Pragmas))
	if err != nil {
		return fmt.Errorf("open the copy: %w", err)
	}
	r.bare = sql.OpenDB(connector)
	r.bare.SetMaxOpenConns(1)
	if err := r.bare.PingContext(ctx); err != nil {
		return fmt.Errorf("open the copy: %w", err)
	}
	if err := r.checkPragmas(ctx); err != nil {
		return err
	}
	size := r.cfg.CacheBytes
	if size == 0 {
		size = defaultCacheBytes
	}
	rules := r.cfg.Rules
	if len(rules) == 0 {
		rules = []cacheops.Rule{{Tables: "*", Ops: cacheops.All, TTL: time.Hour}}
	}
	r.cache, err = cacheops.New(memstore.New(size), &cacheops.Config{Rules: rules, Hooks: r.seen.hooks()})
	if err != nil {
		return err
	}
	r.cached = sqlcache.OpenDB(r.cache, connector, &sqlcache.Options{SchemaCheck: -1})
	return nil
}

// checkPragmas refuses what SQLite passes over without a word: the replay would be
// that of a program with other settings, and pass over the log's own.
func (r *run) checkPragmas(ctx context.Context) error {
	for _, p := range r.cfg.Pragmas {
		if !querylog.Assigns(p) {
			return fmt.Errorf("set pragma %s: it is given no value", p)
		}
		var known bool
		err := r.bare.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM pragma_pragma_list WHERE name = ?)",
			querylog.PragmaName("PRAGMA "+p)).Scan(&known)
		if err != nil {
			return fmt.Errorf("list pragmas: %w", err)
		}
		if !known {
			return fmt.Errorf("set pragma %s: SQLite has none of that name", p)
		}
	}
	return nil
}

func (r *run) close() error {
	var errs []error
	for _, s := range r.order {
		errs = append(errs, closeSession(s.conn))
		if s.twin != nil {
			errs = append(errs, closeSession(s.twin))
		}
	}
	for _, db := range []*sql.DB{r.cached, r.bare, r.twin} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if r.cache != nil {
		errs = append(errs, r.cache.Close())
	}
	return errors.Join(errs...)
}

// closeSession ends what the log left open. The error of a ROLLBACK without a
// transaction means nothing.
func closeSession(c *sql.Conn) error {
	//nolint:errcheck // see above; and the database is about to be deleted
	c.ExecContext(context.Background(), "ROLLBACK")
	if err := c.Close(); err != nil && !errors.Is(err, sql.ErrConnDone) {
		return err
	}
	return nil
}

// all runs the statements of a log.
func (r *run) all(ctx context.Context, log querylog.Reader) error {
	spread := querylog.NewSpread(r.cfg.Sessions)
	for {
		st, err := log.Next()
		var bad *querylog.LineError
		switch {
		case errors.Is(err, io.EOF):
			return r.giveUpWaiting(ctx)
		case errors.As(err, &bad):
			r.report.BadLines++
			if r.cfg.OnBadLine != nil && r.cfg.KeepGoing {
				r.cfg.OnBadLine(bad)
			}
			if r.cfg.KeepGoing {
				continue
			}
			return bad
		case err != nil:
			r.report.Interrupted = ctx.Err() != nil
			return err
		}
		for _, st := range spread.Assign(st) {
			if err := r.step(ctx, st); err != nil {
				return err
			}
		}
	}
}

// step runs a statement, or lets it wait behind those of its session that wait
// already.
func (r *run) step(ctx context.Context, st querylog.Statement) error {
	s, err := r.session(ctx, st.Session)
	if err != nil {
		return err
	}
	if len(s.waiting) > 0 {
		s.waiting = append(s.waiting, st)
		return nil
	}
	wasOpen := s.tx.Open()
	if ran, err := r.statement(ctx, s, &st, r.otherInTransaction(s)); err != nil {
		return err
	} else if !ran {
		s.waiting = []querylog.Statement{st}
		return nil
	}
	if wasOpen && !s.tx.Open() {
		return r.wake(ctx)
	}
	return nil
}

// wake lets the sessions that wait for a lock go on, in the order in which they
// came.
func (r *run) wake(ctx context.Context) error {
	for _, s := range r.order {
		queue := s.waiting
		s.waiting = nil
		for i, st := range queue {
			if err := r.step(ctx, st); err != nil {
				return err
			}
			if len(s.waiting) > 0 { // again
				s.waiting = append(s.waiting, queue[i+1:]...)
				break
			}
		}
	}
	return nil
}

// giveUpWaiting runs, at the end of the log, what waits for transactions that
// the log never ended.
func (r *run) giveUpWaiting(ctx context.Context) error {
	for _, s := range r.order {
		queue := s.waiting
		s.waiting = nil
		for i := range queue {
			if _, err := r.statement(ctx, s, &queue[i], false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) kind(sql string) querylog.Kind {
	k, ok := r.kinds[sql]
	if !ok {
		k = querylog.KindOf(sql)
		r.kinds[sql] = k
	}
	return k
}

// statement runs one statement through the cache, and on the bare database
// where there is something to compare. ran is false for one that met another
// session's lock and may wait; it left no trace. The error is one of the replay,
// not of the statement.
func (r *run) statement(ctx context.Context, s *session, st *querylog.Statement, mayWait bool) (ran bool, err error) {
	kind := r.kind(st.SQL)
	if why := forbidden(kind, st.SQL); why != "" {
		r.report.Statements++
		r.fail(st, why)
		return true, nil
	}
	if r.skips(kind, st.SQL) {
		r.report.Statements++
		r.report.Skipped++
		return true, nil
	}
	began := time.Now()
	got := exec(ctx, s.conn, kind, st)
	took := time.Since(began)
	seen := r.seen.take()
	if err := ctx.Err(); err != nil {
		r.report.Interrupted = true
		return true, err
	}
	if err := isFull(got.err); err != nil {
		return true, fmt.Errorf("write the copy: %w", err)
	}
	if seen.storeErr != nil {
		return true, fmt.Errorf("the cache's store failed: %w", seen.storeErr)
	}
	if mayWait && isBusy(got.err) {
		if !s.tx.Open() && strings.Contains(st.SQL, ";") {
			// It will run again from its first statement, which may be a BEGIN.
			//nolint:errcheck // fails where nothing was begun
			s.conn.ExecContext(ctx, "ROLLBACK")
		}
		return false, nil
	}
	r.report.Statements++
	if kind == querylog.Read {
		err = r.read(ctx, s, st, kind, got, took, &seen)
	} else {
		r.wrote(ctx, s, st, kind, got, took)
	}
	if kind.Writes() {
		s.lastWrite = st.SQL
	}
	r.follow(s, kind, st.SQL, got.err)
	if err == nil && len(seen.dropped) > 0 && !r.cfg.NoPrecision {
		err = r.sweep(ctx, s, st, kind, seen.dropped)
	}
	if r.cfg.Progress != nil {
		r.cfg.Progress(&r.report)
	}
	return true, err
}

// forbidden says why a statement is not run: it, or another in its text, would
// reach out of the copy.
func forbidden(kind querylog.Kind, sql string) string {
	if kind != querylog.Attach && kind != querylog.Vacuum && !strings.Contains(sql, ";") {
		return ""
	}
	if what := querylog.Outside(sql); what != "" {
		return "not replayed: " + what + " would reach beyond the copy"
	}
	return ""
}

// inert are the pragmas that change no answer and would get into the way of
// the replay: how the file is written and locked is its own business here.
var inert = map[string]bool{
	"journal_mode": true, "locking_mode": true, "busy_timeout": true, "synchronous": true,
	"wal_autocheckpoint": true, "wal_checkpoint": true, "journal_size_limit": true,
	"cache_size": true, "mmap_size": true, "temp_store": true, "threads": true,
}

// skips reports whether a statement is passed over: a PRAGMA that is inert, or
// that every connection has been set up with.
func (r *run) skips(kind querylog.Kind, sql string) bool {
	if kind != querylog.Pragma || !querylog.Assigns(sql) {
		return false
	}
	name := querylog.PragmaName(sql)
	return inert[name] || slices.ContainsFunc(r.cfg.Pragmas, func(p string) bool {
		return querylog.PragmaName("PRAGMA "+p) == name
	})
}

// follow keeps the session's transaction. A COMMIT that failed leaves it open
// (another reader's lock, a deferred foreign key) unless there was none.
func (r *run) follow(s *session, kind querylog.Kind, sql string, err error) {
	if err == nil || kind == querylog.Rollback ||
		kind == querylog.Commit && strings.Contains(err.Error(), "no transaction") {
		s.tx.Ran(kind, sql)
	}
}

func (r *run) fail(st *querylog.Statement, why string) {
	r.report.Failed++
	r.failures.add(querylog.Shape(st.SQL), why, st.Line)
}

func (r *run) finish() *Report {
	rep := r.report
	rep.Sessions = len(r.order)
	rep.MissReasons = r.misses
	rep.NotCached = r.notCached.list()
	rep.Failures = r.failures.list()
	rep.DroppedBy = r.dropped.list()
	if rep.Differences == nil {
		rep.Differences = []Difference{}
	}
	rep.HitMedian, rep.BareHitMedian = r.took.hit.median(), r.took.bareHit.median()
	rep.MissMedian, rep.BareMissMedian = r.took.miss.median(), r.took.bareMiss.median()
	if !r.cfg.NoPrecision {
		rep.Precision = new(float64)
	}
	rep.derive()
	return &rep
}
