package redisstore

import (
	"hash/fnv"
	"strconv"
	"strings"
	"sync"

	"github.com/cacheops/cacheops"
)

// Every read depends on its database as a whole, so that on a Cluster one node
// would be asked for the whole's stamp by every hit. There the whole has its
// state in one place, its home, and its own stamp in several, its stripes, each
// of which is a table of the protocol like any other. A read acquires at the home
// and at one stripe, and its entry depends on the latter's stamp. A writer of
// everything begins at the home and at all stripes; other writers, which only
// make known at the home that they are in flight, and with which catalog they
// planned, do not get slower.
//
// Nothing is lost by not checking the home's stamp on a hit: it goes when the
// home's state does, and what that state is needed for, refusing fills, is asked
// at the home. What a writer of everything drops it drops at the stripes.

// stripes is how many there are.
const stripes = 16

// striped reports whether a table is a database as a whole, whose name the core
// ends in a slash.
func (s *Store) striped(name string) bool { return s.cluster && strings.HasSuffix(name, "/") }

func stripeName(name string, n int) string { return name + "#" + strconv.Itoa(n) }

// stripeOf chooses the stripe for a read by its main table, the first.
func stripeOf(reads []cacheops.TableRead) int {
	h := fnv.New32a()
	h.Write([]byte(reads[0].Table))
	return int(h.Sum32() % stripes)
}

// stripeReads returns the reads with those of stripes behind them.
func (s *Store) stripeReads(reads []cacheops.TableRead) []cacheops.TableRead {
	out := reads
	for i := range reads {
		if s.striped(reads[i].Table) {
			out = append(out[:len(out):len(out)], cacheops.TableRead{
				Table: stripeName(reads[i].Table, stripeOf(reads)), TTL: reads[i].TTL,
			})
		}
	}
	return out
}

// unstripe puts the stripes' stamps in the place of the homes'.
func (s *Store) unstripe(g *cacheops.Grant, reads, all []cacheops.TableRead) {
	if len(all) == len(reads) {
		return
	}
	stripe := g.Deps[len(g.Deps)-(len(all)-len(reads)):]
	g.Deps = g.Deps[:len(g.Deps)-len(stripe)]
	at := 0
	for i := range reads {
		if s.striped(reads[i].Table) {
			g.Deps[at], stripe = stripe[0], stripe[1:]
		}
		at++
		for _, sh := range reads[i].Shapes {
			at += len(sh.Tags)
		}
	}
}

// stripeWrites returns the writes with those of stripes behind them, and
// whether there are any.
func (s *Store) stripeWrites(writes []cacheops.TableWrite) (all []cacheops.TableWrite, wide bool) {
	all = writes
	for i := range writes {
		if !s.striped(writes[i].Table) || !dropsTable(&writes[i]) {
			continue
		}
		all, wide = all[:len(all):len(all)], true
		for n := range stripes {
			all = append(all, cacheops.TableWrite{
				Table: stripeName(writes[i].Table, n), Unverified: true, Tags: []cacheops.Tag{cacheops.TableTag},
			})
		}
	}
	return all, wide
}

func dropsTable(w *cacheops.TableWrite) bool {
	for _, t := range w.Tags {
		if t == cacheops.TableTag {
			return true
		}
	}
	return false
}

// inFlight remembers which writers of this process may hold an intent on
// stripes, so that the others need not be ended there.
type inFlight struct{ wide sync.Map } // by writer's ID, bool

func (f *inFlight) begins(id uint64, wide bool) {
	if old, ok := f.wide.Load(id); !ok || wide && !old.(bool) {
		f.wide.Store(id, wide)
	}
}

// endTables returns where to tell of a writer's end. Of a writer that did not
// begin here nothing is known, and all are told.
func (s *Store) endTables(id uint64, tables []string) []string {
	if s.usable() != nil || !s.cluster {
		return tables
	}
	wide, known := s.flying.wide.LoadAndDelete(id)
	if known && !wide.(bool) {
		return tables
	}
	all := tables
	for _, name := range tables {
		if !s.striped(name) {
			continue
		}
		all = all[:len(all):len(all)]
		for n := range stripes {
			all = append(all, stripeName(name, n))
		}
	}
	return all
}
