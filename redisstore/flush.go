package redisstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/rueidis"
)

// scanCount is how many keys of the server, whosever they are, one step of a
// flush looks at.
const scanCount = 1000

// Flush deletes every key under the store's prefix, entries and values set by
// name included, and returns how many. What another store has under a prefix that
// begins with this one and a colon stays. It walks all keys of the server, and so
// is for a command line; what it leaves undone, should it fail, does no harm. To
// invalidate everything at once use cacheops.Cache.Invalidate, which changes one
// stamp.
//
// Tables' state goes, too. Nothing is cached until the databases have proved
// that whoever was writing is over, as after a loss.
//
// progress, which may be nil, hears after each step how many are deleted.
func (s *Store) Flush(ctx context.Context, progress func(deleted int)) (int, error) {
	if err := s.usable(); err != nil {
		return 0, failed("flush", err)
	}
	deleted := 0
	for addr, node := range s.client.Nodes() {
		primary, err := isPrimary(ctx, node)
		if err != nil {
			return deleted, failed("flush "+addr, err)
		}
		if !primary {
			continue
		}
		if err := s.flushNode(ctx, node, func(n int) {
			deleted += n
			if progress != nil {
				progress(deleted)
			}
		}); err != nil {
			return deleted, failed("flush "+addr, err)
		}
	}
	if s.local != nil {
		s.local.Reset()
	}
	return deleted, nil
}

func isPrimary(ctx context.Context, node rueidis.Client) (bool, error) {
	text, err := node.Do(ctx, node.B().Info().Section("replication").Build()).ToString()
	return parseInfo(text)["role"] == "master", err
}

func (s *Store) flushNode(ctx context.Context, node rueidis.Client, progress func(int)) error {
	for cursor := uint64(0); ; {
		if err := s.usable(); err != nil {
			return err
		}
		page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(s.opts.Prefix+":*").Count(scanCount).Build()).AsScanEntry()
		if err != nil {
			return err
		}
		theirs := func(key string) bool { return !s.names.made(key) }
		n, err := unlink(ctx, node, slices.DeleteFunc(page.Elements, theirs))
		if err != nil {
			return err
		}
		progress(n)
		if cursor = page.Cursor; cursor == 0 {
			return nil
		}
	}
}

// unlink deletes keys one by one in one round trip: on a Cluster they lie in
// different slots.
func unlink(ctx context.Context, node rueidis.Client, keys []string) (n int, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	commands := make([]rueidis.Completed, len(keys))
	for i, k := range keys {
		commands[i] = node.B().Unlink().Key(k).Build()
	}
	for _, r := range node.DoMulti(ctx, commands...) {
		gone, err := r.AsInt64()
		if err != nil {
			return n, fmt.Errorf("delete a key: %w", err)
		}
		n += int(gone)
	}
	return n, nil
}
