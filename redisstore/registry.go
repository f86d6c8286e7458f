package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/cacheops/cacheops"
)

const (
	// keepState is how long a table's state is kept unused at least. When it is
	// over, the table is one that nobody knows of.
	keepState = 48 * time.Hour
	// grace is how long a fill may take: so much longer than the entry's TTL do
	// its stamps live.
	grace = 5 * time.Minute
	// longest is what any TTL is cut to: numbers in scripts are floating-point.
	longest = 20 * 365 * 24 * time.Hour
)

var errReply = errors.New("the server's reply makes no sense")

// prepare returns the call of a script on a table, with what all of them get.
func (t *table) prepare(sc *script, args ...string) call {
	seed := binary.BigEndian.AppendUint64(make([]byte, 0, 16), nonzero())
	seed = binary.BigEndian.AppendUint64(seed, nonzero())
	all := make([]string, 0, 4+len(args))
	all = append(all, placeholder, string(seed), milliseconds(keepState), t.own)
	return call{script: sc, keys: []string{t.state}, args: append(all, args...)}
}

// nonzero returns a random number that is not zero.
func nonzero() uint64 {
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10)
}

// eight returns a number as the scripts have it.
func eight(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

// optional is eight, and empty for zero.
func optional(n uint64) string {
	if n == 0 {
		return ""
	}
	return eight(n)
}

// number undoes eight. A string of another length is zero.
func number(s string) uint64 {
	if len(s) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64([]byte(s))
}

// Registry implements [cacheops.Store].
func (s *Store) Registry(ctx context.Context, name string) (cacheops.Registry, error) {
	ctx, cancel, err := s.bounded(ctx, s.opts.WriteTimeout)
	if err != nil {
		return cacheops.Registry{}, failed("read a registry", err)
	}
	defer cancel()
	out, err := s.run(ctx, []call{s.table(name).prepare(scriptRegistry)})
	if err != nil {
		return cacheops.Registry{}, failed("read a registry", err)
	}
	r, err := parseRegistry(name, out[0])
	if err != nil {
		return r, failed("read a registry", err)
	}
	return r, nil
}

func parseRegistry(name string, m rueidis.RedisMessage) (cacheops.Registry, error) {
	r := cacheops.Registry{Table: name}
	parts, err := m.ToArray()
	if err != nil || len(parts) < 3 {
		return r, errReply
	}
	version, err := parts[1].AsUint64()
	if err != nil {
		return r, errReply
	}
	r.Version = version
	texts := make([]string, len(parts))
	for i := range parts {
		if i == 1 {
			continue
		}
		if texts[i], err = parts[i].ToString(); err != nil {
			return r, errReply
		}
	}
	r.Epoch, r.Catalog, r.Shapes = number(texts[0]), number(texts[2]), texts[3:]
	if r.Epoch == 0 || r.Catalog == 0 {
		return r, errReply
	}
	return r, nil
}
