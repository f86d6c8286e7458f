package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

// Get implements [cacheops.Store].
func (s *Store) Get(ctx context.Context, k *cacheops.Key) (cacheops.Value, error) {
	if h := s.held(ctx, k); h != nil {
		if s.opts.Mode == Tracked && !k.Fresh && s.pulse.good() {
			return h.Value, nil
		}
		valid, err := s.confirm(ctx, h.deps)
		switch {
		case err != nil:
			return nil, failed("read an entry", err)
		case valid:
			return h.Value, nil
		}
		s.forget(ctx, k)
	}
	ctx, cancel, err := s.bounded(ctx, s.opts.Timeout)
	if err != nil {
		return nil, failed("read an entry", err)
	}
	defer cancel()
	return s.fetch(ctx, k)
}

// confirm is valid for a hit, within the time that a read may take.
func (s *Store) confirm(ctx context.Context, deps []cacheops.Dep) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if err := s.usable(); err != nil {
		return false, err
	}
	return s.valid(s.reads.of(ctx), deps)
}

// fetch gets an entry that this process does not hold, if it is valid.
func (s *Store) fetch(ctx context.Context, k *cacheops.Key) (cacheops.Value, error) {
	if k.Decode == nil {
		return nil, cacheops.ErrMiss
	}
	seen := s.pushes.seen()
	b, left, err := s.load(ctx, s.names.ofEntry(s.envelope.keyDigest(k)))
	if err != nil {
		return nil, failed("read an entry", err)
	}
	if b == nil {
		return nil, cacheops.ErrMiss
	}
	deps, value, err := s.envelope.open(b, k)
	if err != nil {
		return nil, err
	}
	h := &held{Value: value, deps: s.intern(deps)}
	if s.cluster {
		if valid, err := s.valid(ctx, h.deps); err != nil || !valid {
			if err != nil {
				return nil, failed("read an entry", err)
			}
			return nil, cacheops.ErrMiss
		}
	}
	if left > 0 {
		s.hold(ctx, k, h, left, seen)
	}
	return value, nil
}

// load returns the bytes of an entry and how long it has left, nil if there is
// none or, but on a Cluster, if it is not valid.
func (s *Store) load(ctx context.Context, name string) (b []byte, left time.Duration, err error) {
	var parts []rueidis.RedisMessage
	if s.cluster {
		parts, err = s.loadPart(ctx, name)
	} else {
		var out []rueidis.RedisMessage
		out, err = s.run(ctx, []call{{script: scriptFetch, keys: []string{name}, args: []string{placeholder, s.names.own, s.names.stamp, anyPlace}}})
		if err == nil && !out[0].IsNil() {
			parts, err = out[0].ToArray()
		}
	}
	if err != nil || len(parts) != 2 || parts[0].IsNil() {
		return nil, 0, err
	}
	if b, err = parts[0].AsBytes(); err != nil {
		return nil, 0, errReply
	}
	ms, err := parts[1].AsInt64()
	if err != nil {
		return nil, 0, errReply
	}
	return b, time.Duration(ms) * time.Millisecond, nil
}

// loadPart is what of script fetch a node of a Cluster can answer.
func (s *Store) loadPart(ctx context.Context, name string) ([]rueidis.RedisMessage, error) {
	parts := make([]rueidis.RedisMessage, 0, 2)
	ask := func() []rueidis.Completed {
		return []rueidis.Completed{s.client.B().Getex().Key(name).Build(), s.client.B().Pttl().Key(name).Build()}
	}
	for _, r := range s.exchange(ctx, ask) {
		m, err := r.ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, err
		}
		parts = append(parts, m)
	}
	return parts, nil
}

// Put implements [cacheops.Store]. It declines what is too large, and what has
// lost a stamp.
func (s *Store) Put(ctx context.Context, k *cacheops.Key, e *cacheops.Entry) error {
	if e.TTL <= 0 {
		return nil
	}
	ctx, cancel, err := s.bounded(ctx, s.opts.Timeout)
	if err != nil {
		return failed("store an entry", err)
	}
	defer cancel()
	sealed, err := s.envelope.seal(nil, k, e.Deps, e.Value)
	switch {
	case errors.Is(err, errTooLarge) || errors.Is(err, errHeaderTooLarge):
		return nil
	case err != nil:
		return err
	}
	seen := s.pushes.seen()
	name := s.names.ofEntry(s.envelope.keyDigest(k))
	kept, err := s.set(ctx, name, rueidis.BinaryString(sealed), e)
	if err != nil {
		return failed("store an entry", err)
	}
	if kept {
		s.hold(ctx, k, &held{Value: e.Value, deps: slices.Clone(e.Deps)}, e.TTL, seen)
	}
	return nil
}

// set keeps an entry in the server if its stamps stand.
func (s *Store) set(ctx context.Context, name, sealed string, e *cacheops.Entry) (kept bool, err error) {
	ttl := min(max(e.TTL, time.Millisecond), longest)
	if s.cluster {
		if kept, err = s.valid(ctx, e.Deps); err != nil || !kept {
			return false, err
		}
		return true, s.send(ctx, func() rueidis.Completed {
			return s.client.B().Set().Key(name).Value(sealed).Px(ttl).Build()
		})
	}
	stamps := make([]byte, 0, 8*len(e.Deps))
	for i := range e.Deps {
		stamps = binary.BigEndian.AppendUint64(stamps, uint64(e.Deps[i].Stamp))
	}
	keys := append([]string{name}, s.stampNames(e.Deps)...)
	out, err := s.run(ctx, []call{{scriptStore, keys, []string{sealed, milliseconds(ttl), string(stamps), placeholder}}})
	if err != nil {
		return false, err
	}
	n, err := out[0].AsInt64()
	return n == 1, err
}

// Delete implements [cacheops.Store]. Copies that other processes hold go by their
// stamps, so one of the entry's stamps is dropped with it, and with that whatever
// else depends on it; who tracks hears of it as of any drop. Which stamps there are
// the entry says: of one that the server has evicted before, a copy that another
// process holds stays.
func (s *Store) Delete(ctx context.Context, k *cacheops.Key) error {
	ctx, cancel, err := s.bounded(ctx, s.opts.WriteTimeout)
	if err != nil {
		return failed("delete an entry", err)
	}
	defer cancel()
	name := s.names.ofEntry(s.envelope.keyDigest(k))
	deps, err := s.depsOf(ctx, k, name)
	if err != nil {
		return failed("delete an entry", err)
	}
	s.forget(ctx, k)
	for _, r := range s.exchange(ctx, func() []rueidis.Completed {
		commands := append(make([]rueidis.Completed, 0, 2), s.client.B().Del().Key(name).Build())
		if d := oneOf(deps); d != nil {
			commands = append(commands, s.client.B().Del().Key(s.table(d.Table).stampOf(d.Tag)).Build())
		}
		return commands
	}) {
		if err := r.Error(); err != nil {
			return failed("delete an entry", err)
		}
	}
	return nil
}

// depsOf returns what an entry depends on: one that is held here, or in the server.
func (s *Store) depsOf(ctx context.Context, k *cacheops.Key, name string) ([]cacheops.Dep, error) {
	if h := s.held(ctx, k); h != nil {
		return h.deps, nil
	}
	b, _, err := s.load(ctx, name)
	if err != nil || b == nil {
		return nil, err
	}
	deps, err := entryDeps(b)
	if err != nil {
		return nil, nil //nolint:nilerr // it is no entry, of which nobody holds anything
	}
	return deps, nil
}

// oneOf returns a dep to drop an entry by: any would do, and a table's own is
// everybody's.
func oneOf(deps []cacheops.Dep) *cacheops.Dep {
	for i := len(deps) - 1; i >= 0; i-- {
		if deps[i].Tag != cacheops.TableTag {
			return &deps[i]
		}
	}
	if len(deps) == 0 {
		return nil
	}
	return &deps[0]
}
