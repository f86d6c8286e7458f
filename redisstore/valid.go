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
	return s.match(deps, r)
}

// ask returns the commands that read the stamps, in order.
//
// On one server they come after its incarnation, which the connection puts into an
// ECHO. A table's own stamp bears the one it was made under, and stands under no
// other.
//
// On a Cluster those of each table come after its epoch, by a command of its own.
// It is there for when a slot moves. The table's state, on which writers
// act, may be on the new node already and its own stamp still on the old one,
// where nobody drops it any more. So the stamp counts only with the epoch of the
// state, wherever that is; and the field that is asked for bears the name of the
// node's incarnation, which a state that has just come from elsewhere has not.
func (s *Store) ask(deps []cacheops.Dep, keys []string) []rueidis.Completed {
	b := s.client.B()
	if !s.cluster {
		commands := append(make([]rueidis.Completed, 0, 3), b.Echo().Message(placeholder).Build(), b.Getex().Key(keys[0]).Build())
		if len(keys) > 1 {
			commands = append(commands, b.Mget().Key(keys[1:]...).Build())
		}
		return commands
	}
	var commands []rueidis.Completed
	for i := 0; i < len(deps); {
		n := sameTable(deps, i)
		commands = append(commands,
			b.Hget().Key(s.table(deps[i].Table).state).Field(epochField+placeholder).Build(),
			b.Getex().Key(keys[i]).Build())
		if n > i+1 {
			commands = append(commands, b.Mget().Key(keys[i+1:n]...).Build())
		}
		i = n
	}
	return commands
}

// epochField begins the name of the field that holds the epoch.
const epochField = "E"

// sameTable returns the end of the deps that are of the i-th's table.
func sameTable(deps []cacheops.Dep, i int) int {
	n := i + 1
	for n < len(deps) && deps[n].Table == deps[i].Table {
		n++
	}
	return n
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
func (s *Store) match(deps []cacheops.Dep, replies []rueidis.RedisResult) (bool, error) {
	same, place := true, ""
	fresh := true // the next reply is a place: the server's incarnation, or a table's epoch
	for i := range replies {
		m, err := replies[i].ToMessage()
		switch {
		case spread(err):
			return false, nil // the table is on its way to another node
		case err != nil && !rueidis.IsRedisNil(err):
			return false, err
		case fresh:
			place, _ = m.ToString() // of none, no stamp stands
			fresh = false
			continue
		}
		list := []rueidis.RedisMessage{m}
		if m.IsArray() {
			if list, err = m.ToArray(); err != nil {
				return false, errReply
			}
		}
		if len(list) > len(deps) {
			return false, errReply
		}
		for j := range list {
			same = s.stands(deps[j], list[j], place) && same
		}
		fresh = s.cluster && len(list) < len(deps) && deps[len(list)].Table != deps[len(list)-1].Table
		deps = deps[len(list):]
	}
	if len(deps) > 0 {
		return false, errReply
	}
	return same, nil
}

// stands reports whether a stamp in Redis, after the epoch it was made in and, the
// table's own, before the incarnation, is the dep's.
func (s *Store) stands(d cacheops.Dep, m rueidis.RedisMessage, place string) bool {
	v, err := m.ToString()
	if err != nil || len(v) < stampBytes || binary.BigEndian.Uint64([]byte(v[8:stampBytes])) != uint64(d.Stamp) {
		return false
	}
	if s.cluster {
		return v[:8] == place
	}
	return d.Tag != cacheops.TableTag || v[stampBytes:] == place
}

// stampBytes are a stamp's: the epoch it was made in, and itself.
const stampBytes = 16
