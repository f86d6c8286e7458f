package filestore

import (
	"cmp"
	"context"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// victim is a file that may be evicted, in little memory: there may be millions.
type victim struct {
	written int64 // its time of modification, in nanoseconds since 1970
	blocks  int64 // bytes on the disk
	shard   byte
	digest  [digestBytes - 1]byte
}

func (s *Store) victimPath(v *victim) string {
	return filepath.Join(s.dir, hex.EncodeToString([]byte{v.shard}), hex.EncodeToString(v.digest[:])+valueEnding)
}

// keep counts a file that stays, unless room is needed.
func (w *sweep) keep(shard, name string, info fs.FileInfo) {
	blocks := onDisk(info.Size())
	w.held += blocks
	if w.store.opts.MaxBytes < 0 {
		return
	}
	v := victim{written: info.ModTime().UnixNano(), blocks: blocks}
	digest, err := hex.DecodeString(shard + name[:2*len(v.digest)])
	if err != nil { // isShard and isValue have seen that it is none
		w.trouble(err)
		return
	}
	v.shard = digest[0]
	copy(v.digest[:], digest[1:])
	w.left = append(w.left, v)
}

// evict removes what was written first, until there is room for two steps more.
// What was written later than now, by a clock that was since set back, is a miss
// until then and goes before all others.
func (w *sweep) evict(ctx context.Context) error {
	most := w.store.opts.MaxBytes
	if most < 0 || w.held <= most-2*w.store.room.step {
		return nil
	}
	now := w.now.Add(abandonedAfter).UnixNano()
	age := func(v *victim) int64 {
		if v.written > now {
			return 0
		}
		return v.written
	}
	slices.SortFunc(w.left, func(a, b victim) int { return cmp.Compare(age(&a), age(&b)) })
	for i := range w.left {
		if w.held <= most-2*w.store.room.step {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		w.evictOne(&w.left[i])
	}
	return nil
}

func (w *sweep) evictOne(v *victim) {
	path := w.store.victimPath(v)
	info, err := os.Lstat(path)
	switch {
	case err != nil && gone(err):
		w.held -= v.blocks
		return
	case err != nil:
		w.trouble(err)
		return
	case info.ModTime().UnixNano() != v.written:
		return // a newer value, or a touched one
	}
	freed := w.done.Evicted
	if w.remove(path, info, &w.done.Evicted); w.done.Evicted > freed {
		w.held -= v.blocks
	}
}
