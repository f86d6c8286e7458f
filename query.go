package cacheops

import (
	"crypto/sha256"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Query is the part of a read that is the same for every execution: one per
// statement text and catalog version. An adapter fills the exported fields,
// calls [Database.Prepare] once, and then shares it between goroutines.
type Query struct {
	Text string
	Op   Ops      // exactly one of the ops
	Main string   // the main table's unqualified name, for the rules
	Uses []string // resolved names of every table touched
	// Catalog is the catalog version that the statement was planned with.
	Catalog uint64
	// Session is what its reads mostly say to be the session when they are looked up:
	// what is said there only then costs time.
	Session string
	// Hints are what the comments of Text that begin with the word cacheops say after
	// it: ": ttl=30s". They take the place of what the rules say; see docs/hints.md.
	Hints []string
	// Uncacheable says why the read can never be cached; empty if it can.
	Uncacheable string
	// Private says that what the read returns may be for its caller alone, for a
	// reason that no key holds: no function's result is kept that it is part of.
	Private bool
	// Decode reads what Value.AppendBinary wrote.
	Decode func([]byte) (Value, error)

	keyed    string // Text after what the key holds of the database and of Session
	hash     uint64 // of keyed
	rule     *Rule  // may be nil
	auto     bool   // the rule caches this op without being asked
	shared   bool   // all tables are agnostic
	fresh    bool   // the rule or a hint says Fresh
	anew     bool   // a hint says writeonly
	hint     hint
	ttl      time.Duration
	lock     time.Duration // see Rule.Lock
	counters *counters
}

// Prepare decides what the rules say of q.
func (d *Database) Prepare(q *Query) {
	cfg := &d.cache.cfg
	q.rule = cfg.rule(q.Main)
	q.ttl = cfg.TTL
	if q.rule != nil {
		q.auto = q.rule.Ops&q.Op != 0
		q.fresh = q.rule.Fresh
		if q.rule.TTL > 0 {
			q.ttl = q.rule.TTL
		}
		q.lock = q.rule.Lock
	}
	q.heed(readHints(q.Hints))
	q.shared = d.cache.agnostic && len(q.Uses) > 0
	for _, t := range q.Uses {
		if cfg.never(t) && q.Uncacheable == "" {
			q.Uncacheable = "a rule says Never"
		}
		q.shared = q.shared && cfg.agnostic(t)
	}
	name := d.name
	if q.shared {
		name = anyDatabase
	}
	q.keyed = string(appendPart(appendPart(nil, brief(name)), q.Session)) + q.Text
	q.Text = q.keyed[len(q.keyed)-len(q.Text):] // one copy in memory
	q.hash = xxhash.Sum64String(q.keyed)
	q.counters = d.cache.stats.of(TableOp{Table: q.Main, Op: q.Op})
}

// brief returns a name as keys hold it: a long one, as paths are, by its digest,
// because every hit hashes and compares it and every entry keeps it. What it
// returns for a long name is longer than any short one.
func brief(name string) string {
	const most = 24
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return "\x01" + string(sum[:most])
}

// decide says whether and how a call's read is cached; why is empty if it is.
func (q *Query) decide(c *Cache, call *call) (ttl time.Duration, why string) {
	switch {
	case q.Uncacheable != "":
		return 0, q.Uncacheable
	case !c.Enabled():
		return 0, "switched off"
	case q.hint.off != "":
		return 0, q.hint.off
	case call.off:
		return 0, "NoCache"
	case call.forced:
		if call.Ops != 0 && call.Ops&q.Op == 0 {
			return 0, "op not asked for"
		}
	case !q.auto:
		return 0, "no rule"
	}
	if call.TTL > 0 {
		return call.TTL, ""
	}
	return q.ttl, ""
}

func (d *Database) readEvent(q *Query, why string) ReadEvent {
	return ReadEvent{Database: d.name, Table: q.Main, Op: q.Op, Statement: q.Text, Why: why}
}
