package sqlcache

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Replica marks a pool whose connections lead to replicas, which show what was
// committed on the primary some time later. What misses there is what the replica
// says; it is kept, for everybody, only if the replica must have seen every commit
// that could have changed it. Hits are as good as everywhere. Writes belong on a
// pool that is not marked.
//
// The programs must give one cache, or caches over one store, and one database's
// name to both pools: on PostgreSQL that comes by itself, on MySQL and MariaDB
// Options.Name is required. SQLite has no replicas.
type Replica struct {
	// Lag is the longest time that a commit on the primary may take until it can be
	// seen here, as the program, or whoever runs the replica and takes it out of
	// service when it falls behind, promises it. A result is kept by it when nothing
	// that it depends on was dropped for that long. At most a few minutes are of
	// use. Zero: nothing is kept by time.
	Lag time.Duration
	// Primary is a pool on the primary: of the same driver, bare or of this package.
	// On PostgreSQL it is asked how far it has written, now and then and mostly once
	// for many misses, and a result is kept as soon as the replica has replayed that,
	// whatever Lag says. It must outlive the pool of the replica. Nil: Lag alone
	// decides. Elsewhere it is not used.
	Primary *sql.DB
}

// replica is what an engine knows of how far its server is behind.
type replica struct {
	Replica
	kind *postgres // nil elsewhere

	mu    sync.Mutex // held while the primary is asked
	marks []mark     // oldest first
	quiet time.Time  // until when the primary is not asked, because it did not answer

	seen       sync.Mutex
	version    uint64    // of the catalog, as last met
	versionAt  time.Time // when that was
	schemaRead time.Time
}

// mark says that all that the primary had committed before a moment lies before a
// place in its log.
type mark struct {
	at time.Time
	place
}

// place is one in the write-ahead log: lines are those of time, of which a
// promotion begins another.
type place struct{ line, lsn uint64 }

const (
	maxMarks     = 64
	markTime     = time.Second // how long the primary may take to answer
	replicaRetry = 100 * time.Millisecond
)

// shows returns a moment such that what the lease's server shows from now on holds
// all that was committed before it. It does no more than it takes to reach since.
func (r *replica) shows(ctx context.Context, l *lease, since time.Time) (asOf time.Time, err error) {
	if r.Lag > 0 {
		asOf = time.Now().Add(-r.Lag)
	}
	if r.kind == nil || since.IsZero() {
		return asOf, nil
	}
	if r.Primary != nil && asOf.Before(since) {
		r.mark(ctx, since)
	}
	now, paused, err := l.replayed(ctx)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("ask the replica how far it is: %w", err)
	case paused:
		asOf = time.Time{} // whoever stopped it has taken the promise back
	}
	return r.reached(now, asOf), nil
}

// reached is the latest moment of which a place proves that everything before it
// has been replayed, and asOf if there is none later.
func (r *replica) reached(now place, asOf time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.marks) - 1; i >= 0 && r.marks[i].at.After(asOf); i-- {
		if m := r.marks[i]; m.line == now.line && m.lsn <= now.lsn {
			return m.at
		}
	}
	return asOf
}

// mark makes sure that there is a mark of since or later, if the primary answers.
// Whoever waited for another's question mostly needs none of its own.
func (r *replica) mark(ctx context.Context, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.marks); n > 0 && !r.marks[n-1].at.Before(since) || time.Now().Before(r.quiet) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, markTime)
	defer cancel()
	m := mark{at: time.Now()} // the place is asked for after it
	var err error
	if m.place, err = r.written(ctx); err != nil {
		r.quiet = time.Now().Add(markTime)
		return // Lag has to do
	}
	if len(r.marks) == maxMarks {
		r.marks = append(r.marks[:0], r.marks[1:]...)
	}
	r.marks = append(r.marks, m)
}

// pgWritten: pg_walfile_name is for the line of time, which its name begins with.
// The last column is the layout of the log where headers are of the usual size.
const pgWritten = `
SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_current_wal_insert_lsn()::text END,
	CASE WHEN pg_is_in_recovery() THEN '' ELSE pg_walfile_name(pg_current_wal_insert_lsn()) END,
	(SELECT system_identifier::text FROM pg_control_system()),
	(SELECT wal_block_size || '/' || bytes_per_wal_segment FROM pg_control_init() WHERE max_data_alignment = 8)`

const writtenColumns = 4

var errNoPrimary = errors.New("sqlcache: Replica.Primary does not lead to the replica's primary")

// written asks the primary how far it has written.
func (r *replica) written(ctx context.Context) (p place, err error) {
	row, err := askPrimary(ctx, r.Primary, pgWritten, writtenColumns)
	if err != nil {
		return p, err
	}
	const lineDigits = 8
	lsn, file := row[0], row[1]
	if system, _, _ := strings.Cut(r.kind.place, "."); len(file) < lineDigits || !r.kind.system || row[2] != system {
		return p, errNoPrimary
	}
	if p.line, err = strconv.ParseUint(file[:lineDigits], 16, 32); err != nil {
		return p, fmt.Errorf("read the primary's line of time: %w", err)
	}
	p.lsn, err = parseLSN(lsn)
	p.lsn -= header(p.lsn, row[3])
	return p, err
}

// Sizes of the headers of the log's pages, and of the first of a segment.
const (
	pageHeader    = 24
	segmentHeader = 40
)

// header is how much of a place in the log is the header of a page that has
// nothing else yet: the primary counts it as written, and a replica that has
// replayed everything does not. No record ends so near to a page's beginning.
func header(lsn uint64, layout string) uint64 {
	block, segment, _ := strings.Cut(layout, "/")
	b, err1 := strconv.ParseUint(block, 10, 32)
	s, err2 := strconv.ParseUint(segment, 10, 64)
	switch {
	case err1 != nil || err2 != nil || b == 0 || s == 0:
		return 0
	case lsn%s == segmentHeader:
		return segmentHeader
	case lsn%b == pageHeader && lsn%s > b:
		return pageHeader
	}
	return 0
}

// askPrimary runs a query of texts, one row, past any cache.
func askPrimary(ctx context.Context, db *sql.DB, query string, width int) (row []string, err error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var ours *engine
	err = c.Raw(func(dc any) error {
		if v, ok := dc.(*conn); ok {
			ours = v.engine
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case ours != nil:
		err = ours.onLease(ctx, func(l *lease) (err error) {
			row, err = l.row(ctx, query, width)
			return err
		})
		return row, err
	}
	texts, dest := make([]sql.NullString, width), make([]any, width)
	for i := range texts {
		dest[i] = &texts[i]
	}
	if err := c.QueryRowContext(ctx, query).Scan(dest...); err != nil {
		return nil, err
	}
	for _, t := range texts {
		row = append(row, t.String)
	}
	return row, nil
}

// pgReplayed: a server that is not in recovery has no place to compare, be it the
// primary itself; nor has one that does not say whom it follows, or not to us.
const pgReplayed = `
SELECT COALESCE((SELECT received_tli::text FROM pg_stat_wal_receiver WHERE pg_is_in_recovery()), ''),
	COALESCE(pg_last_wal_replay_lsn()::text, ''),
	CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused()::text ELSE 'false' END`

// replayed asks a PostgreSQL how far it has replayed the primary's log. The zero
// place is before every mark.
func (l *lease) replayed(ctx context.Context) (p place, paused bool, err error) {
	row, err := l.row(ctx, pgReplayed, 3)
	if err != nil {
		return p, false, err
	}
	paused = row[2] != "false"
	if row[0] == "" || row[1] == "" {
		return p, paused, nil
	}
	if p.line, err = strconv.ParseUint(row[0], 10, 32); err != nil {
		return p, paused, fmt.Errorf("read the replica's line of time: %w", err)
	}
	p.lsn, err = parseLSN(row[1])
	return p, paused, err
}

// parseLSN reads a place in the log as PostgreSQL writes it: 16/B374D848.
func parseLSN(s string) (uint64, error) {
	const half = 32
	high, low, ok := strings.Cut(s, "/")
	h, err1 := strconv.ParseUint(high, 16, half)
	n, err2 := strconv.ParseUint(low, 16, half)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("sqlcache: no place in the log: %q", s)
	}
	return h<<half | n, nil
}

// follows returns the version if the schema that the lease's server shows is that
// one's or a later one's, and otherwise zero, by which nothing is kept.
func (r *replica) follows(ctx context.Context, l *lease, version uint64) uint64 {
	since := r.met(version)
	if asOf, err := r.shows(ctx, l, since); err != nil || asOf.Before(since) {
		return 0
	}
	return version
}

// met returns when a catalog version was first met. A change that made it had been
// committed by then: its end makes another version.
func (r *replica) met(version uint64) time.Time {
	r.seen.Lock()
	defer r.seen.Unlock()
	r.schemaRead = time.Now()
	if r.version != version || r.versionAt.IsZero() {
		r.version, r.versionAt = version, r.schemaRead
	}
	return r.versionAt
}

// rests reports whether it is too early to read a schema again that was read too
// early. r may be nil.
func (r *replica) rests(s *schema) bool {
	if r == nil || s.version != 0 {
		return false
	}
	r.seen.Lock()
	defer r.seen.Unlock()
	return time.Since(r.schemaRead) < max(replicaRetry, r.Lag/10)
}
