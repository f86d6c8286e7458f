package cacheops

import "testing"

func TestAProbeIsUsedForOneQueryAfterAnother(t *testing.T) {
	a := &Query{keyed: "a"}
	b := &Query{keyed: "b", Decode: func([]byte) (Value, error) { return nil, ErrMiss }}
	var p Probe
	for i, q := range []*Query{a, b, b, a, b} {
		p.Args = p.Args[:0]
		if !p.build(t.Context(), &Config{}, q, &noCall, "") || p.key.Text != q.keyed || (p.key.Decode == nil) != (q.Decode == nil) {
			t.Errorf("%d: the key has the text %q, want %q, or another's decoder", i, p.key.Text, q.keyed)
		}
	}
}

// TestAKeySaysItAll is about what a key's text holds for all of a statement's
// reads: what they differ in must be in the rest.
func TestAKeySaysItAll(t *testing.T) {
	type ask struct{ of, session, extra string }
	d := &Database{cache: &Cache{}, name: "db"}
	seen := make(map[string]ask)
	for _, of := range []string{"", "s", "s1"} {
		q := &Query{Text: "SELECT 1", Session: of}
		d.Prepare(q)
		for _, session := range []string{"", "s", "s1", "1"} {
			for _, extra := range []string{"", "s", "1"} {
				for _, sum := range []uint64{0, 7} {
					p := Probe{Args: []byte{0}, Sum: sum}
					p.build(t.Context(), &Config{}, q, &call{Call: Call{Extra: extra}}, session)
					key, a := p.key.Text+string(p.key.Rest), ask{"", session, extra}
					if old, ok := seen[key]; ok && old != a {
						t.Errorf("%q and %q have one key", old, a)
					}
					seen[key] = a
				}
			}
		}
	}
}

// TestASumIsPartOfTheHash is about keys displacing each other's entries.
func TestASumIsPartOfTheHash(t *testing.T) {
	q := &Query{keyed: "a", hash: 1}
	seen := make(map[uint64]bool)
	for _, sum := range []uint64{0, 1, 2} {
		for _, session := range []string{"", "a", "b"} {
			p := Probe{Args: []byte{0}, Sum: sum}
			p.build(t.Context(), &Config{}, q, &noCall, session)
			if seen[p.key.Hash] {
				t.Errorf("sum %d, session %q: the hash is another key's", sum, session)
			}
			seen[p.key.Hash] = true
		}
	}
}
