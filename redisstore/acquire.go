package redisstore

import (
	"context"
	"encoding/binary"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

// Acquire implements [cacheops.Store].
func (s *Store) Acquire(ctx context.Context, reads []cacheops.TableRead) (cacheops.Grant, error) {
	var g cacheops.Grant
	ctx, cancel, err := s.bounded(ctx, s.opts.Timeout)
	if err != nil {
		return g, failed("acquire stamps", err)
	}
	defer cancel()
	all := s.stripeReads(reads)
	calls := make([]call, len(all))
	for i := range all {
		calls[i] = s.acquire(&all[i])
	}
	out, err := s.run(ctx, calls)
	if err != nil {
		return g, failed("acquire stamps", err)
	}
	for i := range all {
		if err := grant(&g, &all[i], out[i]); err != nil {
			return cacheops.Grant{}, failed("acquire stamps", err)
		}
	}
	s.unstripe(&g, reads, all)
	return g, nil
}

func (s *Store) acquire(r *cacheops.TableRead) call {
	t := s.table(r.Table)
	args := make([]string, 0, 4+2*len(r.Shapes))
	n := 1
	for _, sh := range r.Shapes {
		n += len(sh.Tags)
	}
	args = append(args, milliseconds(min(r.TTL, longest)+grace), optional(r.Catalog), newStamps(n))
	keys := append(make([]string, 0, 1+n), t.state, t.own)
	for _, sh := range r.Shapes {
		args = append(args, sh.Shape, packTags(sh.Tags))
		for _, tag := range sh.Tags {
			keys = append(keys, t.stampOf(tag))
		}
	}
	c := t.prepare(scriptAcquire, args...)
	c.keys = keys
	return c
}

func newStamps(n int) string {
	b := make([]byte, 0, 8*n)
	for range n {
		b = binary.BigEndian.AppendUint64(b, nonzero())
	}
	return string(b)
}

func packTags(tags []cacheops.Tag) string {
	b := make([]byte, 0, tagBytes*len(tags))
	for _, t := range tags {
		b = binary.BigEndian.AppendUint64(b, uint64(t))
	}
	return string(b)
}

// grant adds one table's part to g. The first refusal stands.
func grant(g *cacheops.Grant, r *cacheops.TableRead, m rueidis.RedisMessage) error {
	parts, err := m.ToArray()
	if err != nil || len(parts) < 4 || len(parts)%2 != 0 {
		return errReply
	}
	why, err := parts[0].AsInt64()
	if err != nil || why < 0 || why > int64(cacheops.StateUnknown) {
		return errReply
	}
	texts := make([]string, len(parts))
	for i := 1; i < len(parts); i++ {
		if texts[i], err = parts[i].ToString(); err != nil {
			return errReply
		}
	}
	epoch, stamps := number(texts[1]), texts[3]
	if g.Refused == cacheops.Granted {
		g.Refused = cacheops.Refusal(why)
	}
	if r.Catalog != 0 {
		g.Catalog = number(texts[2])
	}
	for i := 4; i < len(texts); i += 2 {
		w := cacheops.Writer{ID: number(texts[i]), Proof: texts[i+1]}
		g.Doubts = append(g.Doubts, cacheops.Doubt{Table: r.Table, Writer: w, Epoch: epoch})
	}
	add := func(tag cacheops.Tag) {
		stamp := uint64(0)
		if len(stamps) >= 8 {
			stamp, stamps = number(stamps[:8]), stamps[8:]
		}
		g.Deps = append(g.Deps, cacheops.Dep{Table: r.Table, Tag: tag, Stamp: cacheops.Stamp(stamp)})
		if stamp == 0 && why == 0 {
			err = errReply
		}
	}
	add(cacheops.TableTag)
	for _, sh := range r.Shapes {
		for _, tag := range sh.Tags {
			add(tag)
		}
	}
	return err
}
