package filestore

import (
	"encoding/binary"
	"math"
	"time"
)

// A file is a header, the name and the value. Numbers are little-endian:
//
//	magic     16 bytes
//	checksum   8: of all that follows, see sum
//	written    8: nanoseconds since 1970
//	ends       8: likewise
//	name       8: its length
//	value      8: its length
//
// The checksum finds what was torn by a crash; against somebody who writes files
// of his own it is no defence.
const (
	magic      = "cacheops file 3\n"
	atChecksum = len(magic)
	atWritten  = atChecksum + 8
	atEnds     = atWritten + 8
	atName     = atEnds + 8
	atValue    = atName + 8
	headerSize = atValue + 8
)

// header is what stands before the name.
type header struct {
	written, ends int64 // nanoseconds since 1970
	name, value   int64 // lengths
}

// newHeader is that of a value of so many bytes, set now for ttl.
func newHeader(now time.Time, ttl time.Duration, name string, value []byte) header {
	h := header{written: now.UnixNano(), name: int64(len(name)), value: int64(len(value))}
	h.ends = h.written + int64(ttl)
	if h.ends < h.written {
		h.ends = math.MaxInt64 // in the year 2262
	}
	return h
}

// seal returns the header and the name as they stand in the file.
func (h *header) seal(name string, value []byte) []byte {
	b := make([]byte, headerSize, headerSize+len(name))
	copy(b, magic)
	binary.LittleEndian.PutUint64(b[atWritten:], uint64(h.written))
	binary.LittleEndian.PutUint64(b[atEnds:], uint64(h.ends))
	binary.LittleEndian.PutUint64(b[atName:], uint64(h.name))
	binary.LittleEndian.PutUint64(b[atValue:], uint64(h.value))
	b = append(b, name...)
	binary.LittleEndian.PutUint64(b[atChecksum:], sumOf(b[atWritten:], value))
	return b
}

// parseHeader reads the header of a file of so many bytes. ok is false where it is
// none, or another file's.
func parseHeader(b []byte, size int64) (h header, ok bool) {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return h, false
	}
	h = header{
		written: int64(binary.LittleEndian.Uint64(b[atWritten:])),
		ends:    int64(binary.LittleEndian.Uint64(b[atEnds:])),
		name:    int64(binary.LittleEndian.Uint64(b[atName:])),
		value:   int64(binary.LittleEndian.Uint64(b[atValue:])),
	}
	rest := size - int64(headerSize)
	fits := h.name >= 0 && h.name <= rest && h.value == rest-h.name
	return h, fits && h.written < h.ends
}

// open returns the value in a whole file of that sum, and its header. ok is false
// where the file is not what was written under the name.
func open(b []byte, sum uint64, name string) (h header, value []byte, ok bool) {
	h, ok = parseHeader(b, int64(len(b)))
	if !ok || sum != binary.LittleEndian.Uint64(b[atChecksum:]) {
		return h, nil, false
	}
	end := headerSize + int(h.name)
	if string(b[headerSize:end]) != name {
		return h, nil, false
	}
	return h, b[end:len(b):len(b)], true
}

// lives reports whether a value may be served at a time. One that was written
// later than now is not: the clock was set back, and nobody knows by how much its
// end would be too late.
func (h *header) lives(now time.Time) bool {
	at := now.UnixNano()
	return h.written <= at && at < h.ends
}
