package redisstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/s2"

	"github.com/cacheops/cacheops"
)

// text is a value that is its own encoding.
type text string

func (t text) Size() int                             { return len(t) }
func (t text) AppendBinary(b []byte) ([]byte, error) { return append(b, t...), nil }

func decodeText(b []byte) (cacheops.Value, error) { return text(b), nil }

func keyOf(statement, rest string) *cacheops.Key {
	return &cacheops.Key{Text: statement, Rest: []byte(rest), Decode: decodeText}
}

var testDeps = []cacheops.Dep{
	{Table: "shop.books", Tag: cacheops.TableTag, Stamp: 1},
	{Table: "shop.books", Tag: 0xfedcba9876543210, Stamp: 0xffffffffffffffff},
	{Table: "", Tag: 3, Stamp: 4},
	{Table: strings.Repeat("long", 100), Tag: 5, Stamp: 6},
}

func secretOf(b byte) []byte { return bytes.Repeat([]byte{b}, secretBytes) }

func envelopeOf(t testing.TB, compressAbove int, secrets ...byte) *envelope {
	t.Helper()
	var all [][]byte
	for _, s := range secrets {
		all = append(all, secretOf(s))
	}
	e, err := newEnvelope(compressAbove, all)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *envelope) mustSeal(t testing.TB, k *cacheops.Key, deps []cacheops.Dep, v cacheops.Value) []byte {
	t.Helper()
	b, err := e.seal(nil, k, deps, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (e *envelope) mustMiss(t testing.TB, why string, b []byte, k *cacheops.Key) {
	t.Helper()
	if deps, v, err := e.open(b, k); !errors.Is(err, cacheops.ErrMiss) || v != nil || deps != nil {
		t.Errorf("%s: opened as %v, %v, want a miss", why, v, err)
	}
}

// plain, packed and secret are the ways an entry may lie in Redis.
func waysToSeal(t testing.TB) map[string]*envelope {
	return map[string]*envelope{
		"plain":             envelopeOf(t, -1),
		"compressed":        envelopeOf(t, 1),
		"secret":            envelopeOf(t, -1, 1, 2),
		"compressed secret": envelopeOf(t, 1, 1, 2),
	}
}

func TestSealedEntryOpens(t *testing.T) {
	for name, e := range waysToSeal(t) {
		for _, v := range []text{"", "short", text(strings.Repeat("rows of the result ", 1000))} {
			k := keyOf("SELECT * FROM books WHERE id = ?", "\x00seven")
			b, err := e.seal([]byte("before"), k, testDeps, v)
			if err != nil || !bytes.HasPrefix(b, []byte("before")) {
				t.Fatalf("%s: %q…, %v", name, b[:6], err)
			}
			b = b[len("before"):]
			deps, got, err := e.open(b, k)
			if err != nil || got != v || !slices.Equal(deps, testDeps) {
				t.Errorf("%s: opened as %v, %v, %v", name, deps, got, err)
			}
			h, _ := parseHeader(b)
			if packed := h.flags&flagCompressed != 0; packed != (e.compressAbove > 0 && len(v) > 100) {
				t.Errorf("%s: %d bytes: compressed %v", name, len(v), packed)
			}
			if e.encrypts() == bytes.Contains(b, []byte("FROM books")) && len(v) < 100 {
				t.Errorf("%s: the statement can be read: %v", name, !e.encrypts())
			}
			if deps, err = entryDeps(h.bytes); err != nil || !slices.Equal(deps, testDeps) {
				t.Errorf("%s: the header alone says %v, %v", name, deps, err)
			}
		}
	}
}

func TestEntryWithoutDepsAndKey(t *testing.T) {
	e := envelopeOf(t, 0)
	b := e.mustSeal(t, keyOf("", ""), nil, text("v"))
	deps, v, err := e.open(b, keyOf("", ""))
	if len(deps) != 0 || v != text("v") || err != nil {
		t.Errorf("%v, %v, %v", deps, v, err)
	}
}

func TestIncompressibleIsLeftAsItIs(t *testing.T) {
	noise := make([]byte, 10<<10)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(noise)
	e := envelopeOf(t, 0)
	b := e.mustSeal(t, keyOf("q", ""), nil, text(noise))
	if h, _ := parseHeader(b); h.flags != 0 {
		t.Errorf("flags %#x", h.flags)
	}
}

func TestEntryOfAnotherKeyIsAMiss(t *testing.T) {
	for name, e := range waysToSeal(t) {
		b := e.mustSeal(t, keyOf("SELECT a", "b"), testDeps, text("value"))
		for _, k := range []*cacheops.Key{
			keyOf("SELECT ab", ""), keyOf("SELECT ", "ab"), keyOf("SELECT a", ""), keyOf("SELECT a", "bc"),
			keyOf("SELECT A", "b"), keyOf("", "SELECT ab"), keyOf("SELECT a", "b\x00"),
		} {
			e.mustMiss(t, fmt.Sprintf("%s: %q %q", name, k.Text, k.Rest), b, k)
		}
	}
}

func TestEveryChangedByteIsAMiss(t *testing.T) {
	for name, e := range waysToSeal(t) {
		k := keyOf("SELECT a", "b")
		b := e.mustSeal(t, k, testDeps, text("value value value value value value value value value"))
		for i := range b {
			for _, bit := range []byte{1, 0x80} {
				b[i] ^= bit
				e.mustMiss(t, fmt.Sprintf("%s: byte %d", name, i), b, k)
				b[i] ^= bit
			}
		}
		for n := range b {
			e.mustMiss(t, fmt.Sprintf("%s: cut to %d bytes", name, n), b[:n], k)
		}
		e.mustMiss(t, name+": a byte more", append(b[:len(b):len(b)], 0), k)
	}
}

// resum makes the checksum right again, as another version would have written it.
func resum(b []byte) []byte {
	b = slices.Clone(b[:len(b)-checkBytes])
	return binary.BigEndian.AppendUint64(b, xxhash.Sum64(b))
}

func TestUnknownVersionAndFlagsAreMisses(t *testing.T) {
	e, k := envelopeOf(t, -1), keyOf("q", "")
	b := e.mustSeal(t, k, testDeps, text("value"))
	for version := range 256 {
		if version != headerVersion {
			b[0] = byte(version)
			e.mustMiss(t, fmt.Sprintf("version %d", version), resum(b), k)
		}
	}
	b[0] = headerVersion
	for flags := 1; flags < 256; flags++ {
		b[1] = byte(flags)
		e.mustMiss(t, fmt.Sprintf("flags %#x", flags), resum(b), k)
	}
	b[1] = 0
	if _, _, err := e.open(resum(b), k); err != nil {
		t.Fatal(err)
	}
}

func TestUndecodableValueIsAMiss(t *testing.T) {
	e, k := envelopeOf(t, 0), keyOf("q", "")
	b := e.mustSeal(t, k, nil, text("value"))
	k.Decode = func([]byte) (cacheops.Value, error) { return text("half"), errors.New("of another version") }
	e.mustMiss(t, "decode failed", b, k)
}

// A length that a body claims must not be allocated.
func TestClaimedLengthIsBounded(t *testing.T) {
	e, k := envelopeOf(t, 1), keyOf("q", "")
	for _, claim := range []uint64{maxBody + 1, 1 << 31, 1<<32 - 1, 1 << 40} {
		b, err := appendHeader(nil, nil, keyID{})
		if err != nil {
			t.Fatal(err)
		}
		b[1] = flagCompressed
		b = binary.AppendUvarint(b, claim)
		b = resum(append(b, make([]byte, 100+checkBytes)...))
		if n := testing.AllocsPerRun(10, func() { e.mustMiss(t, "a huge claim", b, k) }); n > 0 {
			t.Errorf("a body that claims %d bytes makes %v allocations", claim, n)
		}
	}
	bomb := s2.Encode(nil, make([]byte, maxBody+1))
	b, _ := appendHeader(nil, nil, keyID{})
	b[1] = flagCompressed
	e.mustMiss(t, "a bomb", resum(append(append(b, bomb...), make([]byte, checkBytes)...)), k)
}

func TestTooLargeIsNotSealed(t *testing.T) {
	e := envelopeOf(t, -1)
	_, err := e.seal(nil, keyOf("q", ""), nil, text(strings.Repeat("x", maxBody)))
	if !errors.Is(err, errTooLarge) {
		t.Errorf("sealed: %v", err)
	}
}

type broken struct{ text }

var errBroken = errors.New("broken")

func (broken) AppendBinary([]byte) ([]byte, error) { return nil, errBroken }

func TestValueThatCannotBeEncoded(t *testing.T) {
	if _, err := envelopeOf(t, 0).seal(nil, keyOf("q", ""), nil, broken{}); !errors.Is(err, errBroken) {
		t.Errorf("sealed: %v", err)
	}
}

func TestHeaderBoundsItsNumbers(t *testing.T) {
	long := []cacheops.Dep{{Table: strings.Repeat("x", 1<<16)}}
	if _, err := appendHeader(nil, long, keyID{}); !errors.Is(err, errHeaderTooLarge) {
		t.Errorf("a long name: %v", err)
	}
	if _, err := appendHeader(nil, make([]cacheops.Dep, 1<<16), keyID{}); !errors.Is(err, errHeaderTooLarge) {
		t.Errorf("many deps: %v", err)
	}
	many := make([]cacheops.Dep, 1<<16)
	for i := range many {
		many[i].Table = fmt.Sprint(i)
	}
	if _, err := appendHeader(nil, many, keyID{}); !errors.Is(err, errHeaderTooLarge) {
		t.Errorf("many tables: %v", err)
	}
}

func TestRotatedKeys(t *testing.T) {
	k := keyOf("SELECT a", "b")
	before, during, after := envelopeOf(t, 0, 1), envelopeOf(t, 0, 2, 1), envelopeOf(t, 0, 2)
	old, fresh := before.mustSeal(t, k, testDeps, text("old")), during.mustSeal(t, k, testDeps, text("fresh"))
	if _, v, err := during.open(old, k); err != nil || v != text("old") {
		t.Errorf("the old key's entry: %v, %v", v, err)
	}
	if _, v, err := during.open(fresh, k); err != nil || v != text("fresh") {
		t.Errorf("the new key's entry: %v, %v", v, err)
	}
	if before.keyDigest(k) != during.keyDigest(k) {
		t.Error("a new key in front renames every entry")
	}
	before.mustMiss(t, "a key not known yet", fresh, k)
	after.mustMiss(t, "a key given up", old, k)
	envelopeOf(t, 0).mustMiss(t, "without keys", old, k)
	during.mustMiss(t, "plaintext where keys are set", envelopeOf(t, 0).mustSeal(t, k, testDeps, text("forged")), k)
}

// Someone who can write to Redis but has no secret cannot make one entry serve
// for another, nor give it other deps.
func TestSecretEntryIsBoundToItsNameAndHeader(t *testing.T) {
	e := envelopeOf(t, 0, 1)
	mine, other := keyOf("q", "1"), keyOf("q", "2")
	a, b := e.mustSeal(t, mine, testDeps, text("one")), e.mustSeal(t, other, testDeps[:1], text("two"))
	ha, _ := parseHeader(a)
	hb, _ := parseHeader(b)
	e.mustMiss(t, "another's body", slices.Concat(ha.bytes, b[len(hb.bytes):]), mine)
	e.mustMiss(t, "another's header", slices.Concat(hb.bytes, a[len(ha.bytes):]), mine)
	e.mustMiss(t, "another's entry", b, mine)

	// The text within would tell as well: what the body is bound to must do alone.
	c := content{kind: kindEntry, text: mine.Text, rest: mine.Rest}
	renamed := content{kind: kindEntry, text: other.Text, rest: other.Rest}
	if _, ok := e.reveal(a, &ha, c); !ok {
		t.Fatal("not opened under its own name")
	}
	if _, ok := e.reveal(a, &ha, renamed); ok {
		t.Error("decrypted under another name")
	}
	h := ha
	h.bytes = bytes.Replace(ha.bytes, []byte("books"), []byte("boots"), 1)
	if _, ok := e.reveal(a, &h, c); ok {
		t.Error("decrypted under another header")
	}
}

func TestNoncesDiffer(t *testing.T) {
	e, k := envelopeOf(t, 0, 1), keyOf("q", "")
	if bytes.Equal(e.mustSeal(t, k, nil, text("v")), e.mustSeal(t, k, nil, text("v"))) {
		t.Error("sealed twice to the same bytes")
	}
}

func TestBadSecrets(t *testing.T) {
	_, err := newEnvelope(0, [][]byte{secretOf(1), []byte("passphrase")})
	if err == nil || !strings.Contains(err.Error(), "Keys[1]") || strings.Contains(err.Error(), "passphrase") {
		t.Errorf("a short secret: %v", err)
	}
}

func TestDigests(t *testing.T) {
	seen := map[digest]string{}
	for name, e := range map[string]*envelope{"plain": envelopeOf(t, 0), "one": envelopeOf(t, 0, 1), "two": envelopeOf(t, 0, 2)} {
		for _, k := range []*cacheops.Key{keyOf("a", "b"), keyOf("ab", ""), keyOf("", "ab"), keyOf("a", "c")} {
			d, what := e.keyDigest(k), fmt.Sprintf("%s %q %q", name, k.Text, k.Rest)
			if d != e.keyDigest(k) {
				t.Errorf("%s: two digests", what)
			}
			if other, dup := seen[d]; dup {
				t.Errorf("%s and %s share a digest", what, other)
			}
			seen[d] = what
			if b := e.digest(kindBytes, k.Text, k.Rest); b == d {
				t.Errorf("%s: one digest for both kinds", what)
			}
		}
	}
}
