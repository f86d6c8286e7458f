package cacheops

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats is a snapshot of what a cache has done since it was made.
type Stats struct {
	// Reads by main table (of any database) and op.
	Reads map[TableOp]ReadStats
	// Functions by name; those of [Memo] are under the empty one, and fragments of
	// templates under "fragment".
	Functions map[string]ReadStats
	// LateReads counts functions of which a goroutine read on after they had ended.
	LateReads uint64
	// Bypassed reads and Refused fills by reason. Beyond 256 reasons of each, what else
	// there is counts as "another reason".
	Bypassed, Refused map[string]uint64
	// Writes counts committed or attempted transactions that changed something,
	// Tags the tags they dropped, Tables those of them that were a whole table's.
	Writes, Tags, Tables uint64
	// StoreErrors counts failures of the store.
	StoreErrors uint64
}

// TableOp is a main table and an op.
type TableOp struct {
	Table string
	Op    Ops
}

// ReadStats counts the reads of one table and op.
type ReadStats struct {
	Hits, Misses, Stored, Refused, Bypassed uint64
}

// counters are updated on the hit path; each Query holds its own pointer.
type counters struct {
	hits, misses, stored, refused, bypassed atomic.Uint64
	_                                       [24]byte // one cache line: queries of other tables don't slow this one
}

type statistics struct {
	writes, tags, tables, storeErrors, late atomic.Uint64

	mu       sync.Mutex
	reads    map[TableOp]*counters
	funcs    map[string]*counters
	bypassed map[string]uint64
	refused  map[string]uint64
}

func (s *statistics) of(t TableOp) *counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.reads[t]
	if c == nil {
		if s.reads == nil {
			s.reads = make(map[TableOp]*counters)
		}
		c = new(counters)
		s.reads[t] = c
	}
	return c
}

func (s *statistics) ofFunction(name string) *counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.funcs[name]
	if c == nil {
		if s.funcs == nil {
			s.funcs = make(map[string]*counters)
		}
		c = new(counters)
		s.funcs[name] = c
	}
	return c
}

// maxReasons bounds the reasons that are counted apart. Programs give their own
// ([Untracked]), and errors of codecs are some.
const maxReasons = 256

const otherReason = "another reason"

func (s *statistics) count(m *map[string]uint64, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *m == nil {
		*m = make(map[string]uint64)
	}
	if _, known := (*m)[why]; !known && len(*m) >= maxReasons {
		why = otherReason
	}
	(*m)[why]++
}

func (s *statistics) snapshot() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Stats{
		Reads:       make(map[TableOp]ReadStats, len(s.reads)),
		Functions:   make(map[string]ReadStats, len(s.funcs)),
		LateReads:   s.late.Load(),
		Bypassed:    maps.Clone(s.bypassed),
		Refused:     maps.Clone(s.refused),
		Writes:      s.writes.Load(),
		Tags:        s.tags.Load(),
		Tables:      s.tables.Load(),
		StoreErrors: s.storeErrors.Load(),
	}
	for k, c := range s.reads {
		out.Reads[k] = c.snapshot()
	}
	for k, c := range s.funcs {
		out.Functions[k] = c.snapshot()
	}
	return out
}

func (c *counters) snapshot() ReadStats {
	return ReadStats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Stored: c.stored.Load(),
		Refused: c.refused.Load(), Bypassed: c.bypassed.Load(),
	}
}
