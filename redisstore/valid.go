package redisstore

import (
	"context"
	"encoding/binary"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

// valid asks the server whether stamps still stand, in one round trip.
//
// The stamps are compared one after another and may be dropped in between. That
// is harmless, because a stamp never comes back: if each stood when it was looked
// at, all stood when the first was, and that was within the call. So the commands
// need not be one atomic step, and on a Cluster cannot be.
//
// The first stamp is read by GETEX, which changes nothing and counts as a write:
// a server refuses it that has been made a replica since the connection was made.
func (s *Store) valid(ctx context.Context, deps []cacheops.Dep) (bool, error) {
	if len(deps) == 0 {
		return true, nil
	}
	keys := s.stampNames(deps)
	r := s.client.DoMulti(ctx, s.ask(deps, keys)...)
	for i := range r {
		if err := r[i].NonRedisError(); err != nil && ended(ctx, err) {
			r = s.client.DoMulti(ctx, s.ask(deps, keys)...)
			break
		}
	}
	return match(deps, r)
}

// ask returns the commands that read the stamps, in order.
func (s *Store) ask(deps []cacheops.Dep, keys []string) []rueidis.Completed {
	commands := make([]rueidis.Completed, 0, 4)
	for i := 0; i < len(deps); {
		n := len(deps)
		if s.cluster {
			for n = i + 1; n < len(deps) && deps[n].Table == deps[i].Table; n++ {
			}
		}
		if i == 0 || s.cluster {
			commands = append(commands, s.client.B().Getex().Key(keys[i]).Build())
			i++
		}
		if i < n {
			commands = append(commands, s.client.B().Mget().Key(keys[i:n]...).Build())
		}
		i = n
	}
	return commands
}

// stampNames returns the names of the stamps, all cut from one string.
func (s *Store) stampNames(deps []cacheops.Dep) []string {
	var room [1024]byte
	b := room[:0]
	ends := make([]int, len(deps))
	var t *table
	for i := range deps {
		if i == 0 || deps[i].Table != deps[i-1].Table {
			t = s.table(deps[i].Table)
		}
		b = t.appendStamp(b, deps[i].Tag)
		ends[i] = len(b)
	}
	all, names, from := string(b), make([]string, len(deps)), 0
	for i, end := range ends {
		names[i] = all[from:end]
		from = end
	}
	return names
}

// match compares stamps with those that replies hold, in order.
func match(deps []cacheops.Dep, replies []rueidis.RedisResult) (bool, error) {
	same := true
	for i := range replies {
		m, err := replies[i].ToMessage()
		switch {
		case rueidis.IsRedisNil(err):
			same, deps = false, deps[1:]
			continue
		case err != nil:
			return false, err
		case !m.IsArray():
			same = stands(deps[0], m) && same
			deps = deps[1:]
			continue
		}
		list, err := m.ToArray()
		if err != nil || len(list) > len(deps) {
			return false, errReply
		}
		for j := range list {
			same = stands(deps[j], list[j]) && same
		}
		deps = deps[len(list):]
	}
	if len(deps) > 0 {
		return false, errReply
	}
	return same, nil
}

// stands reports whether a stamp in Redis, after the epoch it was made in, is
// the dep's.
func stands(d cacheops.Dep, m rueidis.RedisMessage) bool {
	v, err := m.ToString()
	return err == nil && len(v) == 16 && binary.BigEndian.Uint64([]byte(v[8:])) == uint64(d.Stamp)
}
