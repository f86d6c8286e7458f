package redisstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"github.com/cacheops/cacheops"
)

const (
	// defaultCompressAbove is the body's size from which compression pays.
	defaultCompressAbove = 2 << 10
	// maxBody bounds a body before compression: what is read allocates no more
	// than this, whatever its bytes claim.
	maxBody = 64 << 20
	// checkBytes is the checksum at the end of what is not encrypted.
	checkBytes = 8
)

// errTooLarge says that an entry is larger than a store takes.
var errTooLarge = errors.New("redisstore: seal an entry: larger than 64 MiB")

// envelope turns entries into bytes and back. After the header (see header.go)
// comes the body:
//
//	1        kind
//	uvarint  length of the statement
//	         the statement
//	uvarint  length of the key's rest
//	         the key's rest
//	         the value, to the end
//
// compressed by s2 if the flags say so; then encrypted, as a nonce of 12 bytes,
// the ciphertext and a tag of 16 bytes; or else followed by the xxHash of
// everything before it in 8 bytes.
//
// Whatever cannot be read is a miss: another version or flag (a deploy under
// way), torn or foreign bytes, an unknown secret, another key's entry. With
// secrets set, what is not encrypted is a miss, too.
//
// An encrypted body is bound to its header and to the name it is kept under: it
// opens nowhere else. Nonces are random, so one secret must not seal more than
// 2^32 times.
type envelope struct {
	*keyring
	compressAbove int // bytes of a body; negative: never
}

// newEnvelope returns the envelope of a store. compressAbove in bytes is the
// body's size from which it is compressed: zero means 2 KiB, negative never.
// secrets are of 32 bytes each; the first encrypts, any decrypts, the last names.
func newEnvelope(compressAbove int, secrets [][]byte) (*envelope, error) {
	r, err := newKeyring(secrets)
	if err != nil {
		return nil, err
	}
	if compressAbove == 0 {
		compressAbove = defaultCompressAbove
	}
	return &envelope{keyring: r, compressAbove: compressAbove}, nil
}

// seal appends the entry of k to dst. It fails if the value cannot be encoded,
// and for what is too large.
func (e *envelope) seal(dst []byte, k *cacheops.Key, deps []cacheops.Dep, v cacheops.Value) ([]byte, error) {
	return e.sealAny(dst, content{kind: kindEntry, text: k.Text, rest: k.Rest}, deps, v.AppendBinary)
}

// open reads the entry of k from b. Its only error is [cacheops.ErrMiss]. What
// it returns shares nothing with b as long as k.Decode does not.
func (e *envelope) open(b []byte, k *cacheops.Key) ([]cacheops.Dep, cacheops.Value, error) {
	h, value, ok := e.openAny(b, content{kind: kindEntry, text: k.Text, rest: k.Rest})
	if !ok {
		return nil, nil, cacheops.ErrMiss
	}
	deps, ok := h.deps()
	if !ok {
		return nil, nil, cacheops.ErrMiss
	}
	v, err := k.Decode(value)
	if err != nil {
		return nil, nil, cacheops.ErrMiss
	}
	return deps, v, nil
}

// content is what a body is about: what it is named by and compared with.
type content struct {
	kind byte
	text string
	rest []byte
}

func (e *envelope) sealAny(dst []byte, c content, deps []cacheops.Dep, appendValue func([]byte) ([]byte, error)) ([]byte, error) {
	plain, packed := scratches.get(), scratches.get()
	defer scratches.put(plain)
	defer scratches.put(packed)

	body, err := appendValue(c.appendTo(plain.bytes[:0]))
	if err != nil {
		return nil, fmt.Errorf("redisstore: seal an entry: %w", err)
	}
	plain.bytes = body
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	start := len(dst)
	dst, err = appendHeader(dst, deps, e.sealing())
	if err != nil {
		return nil, err
	}
	if small := e.compress(packed, body); small != nil {
		body = small
		dst[start+1] |= flagCompressed
	}
	if !e.encrypts() {
		dst = append(dst, body...)
		return binary.BigEndian.AppendUint64(dst, xxhash.Sum64(dst[start:])), nil
	}
	dst[start+1] |= flagEncrypted
	bound := scratches.get()
	defer scratches.put(bound)
	bound.bytes = e.bind(bound.bytes[:0], dst[start:], c)
	return e.keyring.seal(dst, body, bound.bytes), nil
}

// compress returns body compressed, or nil where that does not pay: at least an
// eighth must go.
func (e *envelope) compress(s *scratch, body []byte) []byte {
	if e.compressAbove < 0 || len(body) < e.compressAbove {
		return nil
	}
	s.bytes = s2.Encode(s.bytes[:cap(s.bytes)], body)
	if len(s.bytes) > len(body)-len(body)/8 {
		return nil
	}
	return s.bytes
}

// openAny returns the header and the value of what is about c. The value may be
// part of b.
func (e *envelope) openAny(b []byte, c content) (h header, value []byte, ok bool) {
	h, ok = parseHeader(b)
	if !ok {
		return h, nil, false
	}
	body, ok := e.reveal(b, &h, c)
	if !ok {
		return h, nil, false
	}
	if h.flags&flagCompressed != 0 {
		n, err := s2.DecodedLen(body)
		if err != nil || n > maxBody {
			return h, nil, false
		}
		if body, err = s2.Decode(nil, body); err != nil {
			return h, nil, false
		}
	}
	value, ok = c.cutFrom(body)
	return h, value, ok
}

// reveal returns the body, proved to be what was sealed.
func (e *envelope) reveal(b []byte, h *header, c content) (body []byte, ok bool) {
	body = b[len(h.bytes):]
	switch {
	case (h.flags&flagEncrypted != 0) != e.encrypts():
		return nil, false
	case e.encrypts():
		bound := scratches.get()
		defer scratches.put(bound)
		bound.bytes = e.bind(bound.bytes[:0], h.bytes, c)
		body, err := e.keyring.open(nil, body, bound.bytes, h.key)
		return body, err == nil
	case len(body) < checkBytes:
		return nil, false
	}
	end := len(b) - checkBytes
	if binary.BigEndian.Uint64(b[end:]) != xxhash.Sum64(b[:end]) {
		return nil, false
	}
	return body[:len(body)-checkBytes], true
}

// bind appends what an encrypted body is bound to. A header says how long it
// is, so the two cannot run into each other.
func (e *envelope) bind(b, header []byte, c content) []byte {
	d := e.digest(c.kind, c.text, c.rest)
	return append(append(b, header...), d[:]...)
}

func (c *content) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(append(b, c.kind), uint64(len(c.text)))
	b = append(b, c.text...)
	b = binary.AppendUvarint(b, uint64(len(c.rest)))
	return append(b, c.rest...)
}

// cutFrom returns the value of a body, and false if the body is about anything
// else than c to the last byte.
func (c *content) cutFrom(b []byte) (value []byte, ok bool) {
	if len(b) == 0 || b[0] != c.kind {
		return nil, false
	}
	text, b, ok := cutPart(b[1:])
	if !ok || string(text) != c.text {
		return nil, false
	}
	rest, b, ok := cutPart(b)
	if !ok || string(rest) != string(c.rest) {
		return nil, false
	}
	return b, true
}

// cutPart takes a part with its length in front off b.
func cutPart(b []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n:n], b[n:], true
}

// scratch is a buffer that outlives its use.
type scratch struct{ bytes []byte }

type scratchPool struct{ sync.Pool }

// scratches hold what is on its way into or out of an entry. Nothing that
// leaves the envelope lies in them.
var scratches = scratchPool{sync.Pool{New: func() any { return new(scratch) }}}

// keptScratch is the largest buffer that is kept: one huge result must not hold
// its memory for ever.
const keptScratch = 1 << 20

func (p *scratchPool) get() *scratch { return p.Get().(*scratch) }

func (p *scratchPool) put(s *scratch) {
	if cap(s.bytes) <= keptScratch {
		p.Put(s)
	}
}
