package redisstore

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

// The local tier is a memstore. When hits are validated it only keeps values:
// what they depend on is asked of the server each time. When they are tracked it
// keeps the stamps as well, and what the server pushes is a write to it.

// held is a value of the local tier, with the stamps it bears in Redis.
type held struct {
	cacheops.Value
	deps []cacheops.Dep
}

// depBytes is what a dep takes.
const depBytes = 40

// Size counts the deps as well.
func (h *held) Size() int { return h.Value.Size() + depBytes*len(h.deps) }

// held returns what the local tier has under k, or nil.
func (s *Store) held(ctx context.Context, k *cacheops.Key) *held {
	if s.local == nil {
		return nil
	}
	v, err := s.local.Get(ctx, k)
	if err != nil {
		return nil
	}
	return v.(*held)
}

func (s *Store) forget(ctx context.Context, k *cacheops.Key) {
	if s.local != nil {
		// A memstore's Delete fails never, and what it left would be validated.
		_ = s.local.Delete(ctx, k)
	}
}

// intern makes deps share their tables' names: there are few tables and many
// entries.
func (s *Store) intern(deps []cacheops.Dep) []cacheops.Dep {
	for i := range deps {
		if i > 0 && deps[i].Table == deps[i-1].Table {
			deps[i].Table = deps[i-1].Table
			continue
		}
		deps[i].Table = s.table(strings.Clone(deps[i].Table)).name
	}
	return deps
}

// hold keeps h in the local tier. seen is what had been pushed before h was
// found valid.
//
// A push can overtake the answer on its way to here: it came after, and was
// carried out before. So h's tags are made known to the tier first. A push that
// comes from then on finds them there. If one of these tags may have been pushed
// since h was found valid, h is validated again, which sees what was dropped.
func (s *Store) hold(ctx context.Context, k *cacheops.Key, h *held, ttl time.Duration, seen *glance) {
	if s.local == nil || len(h.deps) == 0 { // what depends on nothing could not be withdrawn
		return
	}
	e := &cacheops.Entry{Value: h, TTL: ttl}
	if s.opts.Mode == Tracked {
		g, err := s.local.Acquire(ctx, s.localReads(h.deps, ttl))
		if err != nil || g.Refused != cacheops.Granted {
			return
		}
		e.Deps = g.Deps
		if !s.pushes.same(seen, h.deps) {
			if valid, err := s.valid(ctx, h.deps); err != nil || !valid {
				return
			}
		}
	}
	// Declining is all that it can do.
	_ = s.local.Put(ctx, k, e)
}

// localReads asks the local tier for the stamps of deps. Shapes do not matter
// to it: nobody computes tags from its registry.
func (s *Store) localReads(deps []cacheops.Dep, ttl time.Duration) []cacheops.TableRead {
	var reads []cacheops.TableRead
	for i := 0; i < len(deps); {
		r := cacheops.TableRead{Table: s.table(deps[i].Table).short, TTL: ttl}
		var tags []cacheops.Tag
		name := deps[i].Table
		for ; i < len(deps) && deps[i].Table == name; i++ {
			if deps[i].Tag != cacheops.TableTag {
				tags = append(tags, deps[i].Tag)
			}
		}
		if len(tags) > 0 {
			r.Shapes = []cacheops.ShapeTags{{Tags: tags}}
		}
		reads = append(reads, r)
	}
	return reads
}

// dropLocal drops tags from the local tier.
func (s *Store) dropLocal(writes []cacheops.TableWrite) {
	if s.local == nil || s.opts.Mode != Tracked {
		return
	}
	local := make([]cacheops.TableWrite, 0, len(writes))
	for i := range writes {
		if len(writes[i].Tags) > 0 {
			local = append(local, cacheops.TableWrite{Table: s.table(writes[i].Table).short, Unverified: true, Tags: writes[i].Tags})
		}
	}
	s.pushes.note(local)
	s.drop(local)
}

// drop is a write to the local tier: begun, and ended at once.
func (s *Store) drop(writes []cacheops.TableWrite) {
	if len(writes) == 0 {
		return
	}
	ctx := context.Background()
	w := cacheops.Writer{ID: nonzero()}
	tables := make([]string, len(writes))
	for i := range writes {
		tables[i] = writes[i].Table
	}
	// It fails only when it is closed, and then serves nothing.
	_, _ = s.local.Begin(ctx, w, writes)
	_ = s.local.End(ctx, w, tables)
}

// pushed hears what the server dropped, in the order in which it did. Nil means
// anything: the connection ended, or the server was flushed.
func (s *Store) pushed(keys []rueidis.RedisMessage) {
	if s.local == nil {
		return
	}
	if keys == nil {
		s.missed()
		return
	}
	writes := make([]cacheops.TableWrite, 0, len(keys))
	for i := range keys {
		name, err := keys[i].ToString()
		if err != nil {
			continue
		}
		if table, tag, ok := s.names.parse(name); ok {
			writes = append(writes, cacheops.TableWrite{Table: table, Unverified: true, Tags: []cacheops.Tag{tag}})
		}
	}
	s.pushes.note(writes)
	s.drop(writes)
}

// missed empties the local tier: anything may have been dropped.
func (s *Store) missed() {
	s.pulse.stop()
	s.pushes.noteAll()
	s.local.Reset()
}

// pushes counts what was pushed, by some bits of the tag.
type pushes struct{ counts [pushStripes]atomic.Uint64 }

const pushStripes = 64

// glance is what pushes had counted at a moment.
type glance [pushStripes]uint64

func stripe(tag cacheops.Tag) int { return int(uint64(tag) * 0x9e3779b97f4a7c15 >> 58) }

// seen returns the counts.
func (p *pushes) seen() *glance {
	var g glance
	for i := range p.counts {
		g[i] = p.counts[i].Load()
	}
	return &g
}

func (p *pushes) note(writes []cacheops.TableWrite) {
	for i := range writes {
		for _, tag := range writes[i].Tags {
			p.counts[stripe(tag)].Add(1)
		}
	}
}

func (p *pushes) noteAll() {
	for i := range p.counts {
		p.counts[i].Add(1)
	}
}

// same reports whether none of deps' tags was pushed since.
func (p *pushes) same(g *glance, deps []cacheops.Dep) bool {
	for i := range deps {
		n := stripe(deps[i].Tag)
		if p.counts[n].Load() != g[n] {
			return false
		}
	}
	return true
}
