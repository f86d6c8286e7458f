package redisstore

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/cacheops/cacheops"
)

// The header of an entry, in front of its body, says what the entry depends on.
// It is never compressed or encrypted and its layout is fixed, so that it can be
// read without the body (GETRANGE) and from a Lua script (struct.unpack with
// ">"). All numbers are big-endian.
//
//	offset  bytes
//	0       1      version, 1
//	1       1      flags: 1 the body is compressed, 2 it is encrypted
//	2       2      number of tables
//	4       4      length of the header: where the body begins
//	8       4      id of the encryption key, zero without one
//	12             for each table
//	  0     2        length of its name
//	  2     2        number of its deps
//	  4              its name
//	                 for each dep
//	  0     8          tag
//	  8     8          stamp
//
// A header that was read alone is not checked: its deps are good for asking
// after stamps, and only open's own answer for serving the value.
const (
	headerVersion = 1
	headerFixed   = 12
	headerTable   = 4
	headerDep     = 16
)

// The flags. An entry with one that is not known here is a miss: flags say how
// to read what follows.
const (
	flagCompressed = 1 << iota
	flagEncrypted
	flagsKnown = flagCompressed | flagEncrypted
)

var errHeaderTooLarge = errors.New("redisstore: seal an entry: too many deps for its header")

// appendHeader appends the header of an entry. Deps of one table lie together,
// as the core gives them; where they do not, the table is named again.
func appendHeader(b []byte, deps []cacheops.Dep, key keyID) ([]byte, error) {
	start, tables := len(b), 0
	b = append(b, headerVersion, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, key[:]...)
	for len(deps) > 0 {
		n, name := 1, deps[0].Table
		for n < len(deps) && deps[n].Table == name {
			n++
		}
		if n > math.MaxUint16 || len(name) > math.MaxUint16 {
			return nil, errHeaderTooLarge
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(name)))
		b = binary.BigEndian.AppendUint16(b, uint16(n))
		b = append(b, name...)
		for _, d := range deps[:n] {
			b = binary.BigEndian.AppendUint64(b, uint64(d.Tag))
			b = binary.BigEndian.AppendUint64(b, uint64(d.Stamp))
		}
		deps, tables = deps[n:], tables+1
	}
	if tables > math.MaxUint16 || len(b)-start > math.MaxUint32 {
		return nil, errHeaderTooLarge
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16(tables))
	binary.BigEndian.PutUint32(b[start+4:], uint32(len(b)-start))
	return b, nil
}

// header is a view of an entry's header. Its slices are the entry's own bytes.
type header struct {
	flags  byte
	key    keyID
	bytes  []byte // all of the header
	tables int
}

// parseHeader reads the fixed part of a header. ok is false for a version or a
// flag that is not ours, and for bytes that are no entry.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerFixed || b[0] != headerVersion || b[1]&^flagsKnown != 0 {
		return h, false
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n < headerFixed || uint64(n) > uint64(len(b)) {
		return h, false
	}
	h = header{flags: b[1], bytes: b[:n:n], tables: int(binary.BigEndian.Uint16(b[2:]))}
	copy(h.key[:], b[8:])
	return h, true
}

// deps returns what the header lists. ok is false unless it is whole.
func (h *header) deps() (deps []cacheops.Dep, ok bool) {
	rest := h.bytes[headerFixed:]
	// The names take bytes as well, so this is never too few.
	deps = make([]cacheops.Dep, 0, len(rest)/headerDep)
	for range h.tables {
		if len(rest) < headerTable {
			return nil, false
		}
		name, n := int(binary.BigEndian.Uint16(rest)), int(binary.BigEndian.Uint16(rest[2:]))
		rest = rest[headerTable:]
		if len(rest) < name+n*headerDep {
			return nil, false
		}
		table := string(rest[:name])
		rest = rest[name:]
		for range n {
			deps = append(deps, cacheops.Dep{
				Table: table,
				Tag:   cacheops.Tag(binary.BigEndian.Uint64(rest)),
				Stamp: cacheops.Stamp(binary.BigEndian.Uint64(rest[8:])),
			})
			rest = rest[headerDep:]
		}
	}
	return deps, len(rest) == 0
}

// entryDeps reads the deps of an entry from its header, of which b needs to
// hold no more. It fails with [cacheops.ErrMiss].
func entryDeps(b []byte) ([]cacheops.Dep, error) {
	h, ok := parseHeader(b)
	if !ok {
		return nil, cacheops.ErrMiss
	}
	deps, ok := h.deps()
	if !ok {
		return nil, cacheops.ErrMiss
	}
	return deps, nil
}
