package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// Bytes runs the suite of [cacheops.BytesStore] on what open returns. open
// registers its own clean-up with t. Stores may share a server: the suite's
// names are its own.
func Bytes(t *testing.T, open func(t testing.TB) cacheops.BytesStore) {
	for _, c := range []struct {
		name string
		run  func(*bytesSuite)
	}{
		{"a name never set is a miss", testBytesEmpty},
		{"a value is found until it is deleted", testBytesDelete},
		{"the last set counts", testBytesReplace},
		{"a name is any bytes", testBytesNames},
		{"a value is any bytes", testBytesValues},
		{"a value ends after its TTL", testBytesTTL},
		{"a set value lives by its own TTL", testBytesNewTTL},
		{"what is left of a TTL", testBytesLeft},
		{"a TTL of zero or less is an error and changes nothing", testBytesNoTTL},
		{"a value too large for the store leaves none", testBytesHuge},
		{"values are copied", testBytesCopied},
		{"values are apart from entries", testBytesApart},
		{"a call whose context is done fails", testBytesCancelled},
		{"many goroutines", testBytesRace},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(&bytesSuite{T: t, BytesStore: open(t), ctx: t.Context()}) })
	}
}

type bytesSuite struct {
	*testing.T
	cacheops.BytesStore
	ctx context.Context
}

func newName() string { return fmt.Sprintf("storetest.b%d", unique.Add(1)) }

func (s *bytesSuite) set(name, value string, ttl time.Duration) {
	s.Helper()
	if err := s.SetBytes(s.ctx, name, []byte(value), ttl); err != nil {
		s.Fatal(err)
	}
}

func (s *bytesSuite) holds(name, want string) {
	s.Helper()
	b, err := s.GetBytes(s.ctx, name)
	if err != nil {
		s.Fatal(err)
	}
	if string(b) != want {
		s.Fatalf("got %.40q (%d bytes), want %.40q (%d bytes)", b, len(b), want, len(want))
	}
}

func (s *bytesSuite) lacks(name string) {
	s.Helper()
	if b, err := s.GetBytes(s.ctx, name); !errors.Is(err, cacheops.ErrMiss) || b != nil {
		s.Fatalf("got %.40q, %v, want a miss", b, err)
	}
}

func testBytesEmpty(s *bytesSuite) {
	name := newName()
	s.lacks(name)
	if err := s.DeleteBytes(s.ctx, name); err != nil {
		s.Fatal(err)
	}
}

func testBytesDelete(s *bytesSuite) {
	name, other := newName(), newName()
	s.set(name, "value", suiteTTL)
	s.set(other, "another", suiteTTL)
	s.holds(name, "value")
	if err := s.DeleteBytes(s.ctx, name); err != nil {
		s.Fatal(err)
	}
	s.lacks(name)
	s.holds(other, "another")
}

func testBytesReplace(s *bytesSuite) {
	name := newName()
	for _, v := range []string{"first", "second, longer", "3"} {
		s.set(name, v, suiteTTL)
		s.holds(name, v)
	}
}

func testBytesNames(s *bytesSuite) {
	base := newName()
	names := []string{
		"", base, base + " ", base + "\n", base + "\x00", "\x00" + base, base + "{a}", base + "{}", base + ":" + base,
		strings.ToUpper(base), base + "\xff\xfe", base + "\r\nDEL " + base, base + "é", base + "e\u0301",
		base + strings.Repeat("x", 100_000), base + strings.Repeat("x", 99_999),
	}
	for i, name := range names {
		s.set(name, fmt.Sprint(i), suiteTTL)
	}
	for i, name := range names {
		s.holds(name, fmt.Sprint(i))
	}
	for i, name := range names {
		if err := s.DeleteBytes(s.ctx, name); err != nil {
			s.Fatal(err)
		}
		s.lacks(name)
		for j := i + 1; j < len(names); j++ {
			s.holds(names[j], fmt.Sprint(j))
		}
	}
}

func testBytesValues(s *bytesSuite) {
	name := newName()
	for _, v := range []string{
		"", "\x00", "value\x00\r\n", "\xff\xfe", strings.Repeat("compressible ", 10_000),
		string(bytes.Repeat([]byte{0}, 1<<20)),
	} {
		s.set(name, v, suiteTTL)
		s.holds(name, v)
	}
	if err := s.SetBytes(s.ctx, name, nil, suiteTTL); err != nil {
		s.Fatal(err)
	}
	s.holds(name, "")
}

// ends waits until there is nothing under name.
func (s *bytesSuite) ends(name string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := s.GetBytes(s.ctx, name); errors.Is(err, cacheops.ErrMiss) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatal("the value outlives its TTL")
		}
	}
}

func testBytesTTL(s *bytesSuite) {
	name := newName()
	s.set(name, "value", 100*time.Millisecond)
	s.holds(name, "value")
	s.ends(name)
	s.set(name, "value", 1) // less than any store's clock can tell
	s.ends(name)
	s.set(name, "for ever", 1<<63-1)
	s.holds(name, "for ever")
}

func testBytesNewTTL(s *bytesSuite) {
	longer, shorter, marker := newName(), newName(), newName()
	s.set(longer, "value", 50*time.Millisecond)
	s.set(longer, "value", suiteTTL)
	s.set(shorter, "value", suiteTTL)
	s.set(shorter, "value", 50*time.Millisecond)
	s.set(marker, "value", 100*time.Millisecond)
	s.ends(shorter)
	s.ends(marker)
	s.holds(longer, "value")
}

func testBytesLeft(s *bytesSuite) {
	name := newName()
	if left, err := s.BytesTTL(s.ctx, name); !errors.Is(err, cacheops.ErrMiss) {
		s.Errorf("nothing has %v left, %v", left, err)
	}
	for _, ttl := range []time.Duration{suiteTTL, 2 * suiteTTL, 1<<63 - 1} {
		s.set(name, "value", ttl)
		first, err := s.BytesTTL(s.ctx, name)
		if err != nil || first <= min(ttl, 3*suiteTTL)-suiteTTL || first > ttl { // a store's time may end before ours
			s.Fatalf("of %v there are %v left, %v", ttl, first, err)
		}
		again, err := s.BytesTTL(s.ctx, name)
		if err != nil || again > first {
			s.Fatalf("of %v there are %v left, %v", first, again, err)
		}
	}
	s.set(name, "value", 20*time.Millisecond)
	s.ends(name)
	if left, err := s.BytesTTL(s.ctx, name); !errors.Is(err, cacheops.ErrMiss) {
		s.Errorf("after its end a value has %v left, %v", left, err)
	}
}

func testBytesNoTTL(s *bytesSuite) {
	name := newName()
	for _, ttl := range []time.Duration{0, -1, -time.Hour} {
		if err := s.SetBytes(s.ctx, name, []byte("value"), ttl); err == nil {
			s.Errorf("a TTL of %v is taken", ttl)
		}
		s.lacks(name)
	}
	s.set(name, "old", suiteTTL)
	if err := s.SetBytes(s.ctx, name, []byte("new"), 0); err == nil {
		s.Error("no TTL is taken")
	}
	s.holds(name, "old")
}

// hugeValue is more than a store may be expected to take.
const hugeValue = 70 << 20

func testBytesHuge(s *bytesSuite) {
	name := newName()
	s.set(name, "old", suiteTTL)
	if err := s.SetBytes(s.ctx, name, make([]byte, hugeValue), suiteTTL); err != nil {
		s.Fatal(err)
	}
	if b, err := s.GetBytes(s.ctx, name); !errors.Is(err, cacheops.ErrMiss) && (err != nil || len(b) != hugeValue) {
		s.Fatalf("got %d bytes, %v", len(b), err)
	}
}

func testBytesCopied(s *bytesSuite) {
	name, value := newName(), []byte("value")
	if err := s.SetBytes(s.ctx, name, value, suiteTTL); err != nil {
		s.Fatal(err)
	}
	value[0] = '#'
	s.holds(name, "value")
	got, err := s.GetBytes(s.ctx, name)
	if err != nil {
		s.Fatal(err)
	}
	got[0] = '#'
	_ = append(got, '#')
	s.holds(name, "value")
}

// testBytesApart: a program that names a value as a statement is named must not
// be given the statement's rows, nor a read the program's bytes.
func testBytesApart(s *bytesSuite) {
	store, ok := s.BytesStore.(cacheops.Store)
	if !ok {
		s.Skip("keeps no entries")
	}
	k := newKey()
	k.Text = newName()
	for _, rest := range [][]byte{nil, k.Rest} {
		k.Rest = rest
		for _, name := range []string{k.Text, k.Text + string(rest), string(rest)} {
			s.set(name, "12345678", suiteTTL)
			if v, err := store.Get(s.ctx, k); !errors.Is(err, cacheops.ErrMiss) {
				s.Fatalf("a read gets a program's bytes: %v, %v", v, err)
			}
		}
	}
	name := newName()
	k.Text = name
	if err := store.Put(s.ctx, k, &cacheops.Entry{Value: number(7), TTL: suiteTTL}); err != nil {
		s.Fatal(err)
	}
	s.lacks(name)
}

func testBytesCancelled(s *bytesSuite) {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	name := newName()
	if err := s.SetBytes(ctx, name, []byte("value"), suiteTTL); !errors.Is(err, context.Canceled) {
		s.Errorf("set: %v", err)
	}
	if _, err := s.GetBytes(ctx, name); err == nil {
		s.Error("get finds what was not set")
	}
	s.lacks(name)
}

// testBytesRace: each goroutine sees what it last did to its own name, and of
// the common one something that somebody set.
func testBytesRace(s *bytesSuite) {
	common := newName()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			own := fmt.Sprintf("%s.%d", common, g)
			for i := range 50 {
				want := strings.Repeat(fmt.Sprintf("%d.%d ", g, i), 1+i*20)
				for _, name := range []string{own, common} {
					if err := s.SetBytes(s.ctx, name, []byte(want), suiteTTL); err != nil {
						s.Error(err)
					}
				}
				if b, err := s.GetBytes(s.ctx, own); err != nil || string(b) != want {
					s.Errorf("got %.20q, %v, want %.20q", b, err, want)
				}
				if b, err := s.GetBytes(s.ctx, common); err != nil && !errors.Is(err, cacheops.ErrMiss) || err == nil && !whole(b) {
					s.Errorf("torn: %.40q, %v", b, err)
				}
				if i%7 == 0 {
					for _, name := range []string{own, common} {
						if err := s.DeleteBytes(s.ctx, name); err != nil {
							s.Error(err)
						}
					}
					if _, err := s.GetBytes(s.ctx, own); !errors.Is(err, cacheops.ErrMiss) {
						s.Errorf("deleted and found: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// whole reports whether b is one goroutine's value, all of it.
func whole(b []byte) bool {
	parts := bytes.Fields(b)
	if len(parts) == 0 || (len(parts)-1)%20 != 0 {
		return false
	}
	for _, p := range parts {
		if !bytes.Equal(p, parts[0]) {
			return false
		}
	}
	return true
}
