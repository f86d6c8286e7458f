package redisstore

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/storetest"
)

func TestBytes(t *testing.T) {
	one, cluster := newBench(t), newClusterBench(t)
	for _, way := range []struct {
		name  string
		bench *bench
		opts  Options
	}{
		{"plain", one, Options{CompressAbove: -1}},
		{"compressed", one, Options{CompressAbove: 1}},
		{"encrypted", one, Options{Keys: [][]byte{secretOf(1)}}},
		{"tracked", one, Options{Mode: Tracked}},
		{"on a Cluster", cluster, Options{}},
	} {
		t.Run(way.name, func(t *testing.T) {
			storetest.Bytes(t, func(t testing.TB) cacheops.BytesStore {
				s := way.bench.store(t, way.opts)
				t.Cleanup(func() { s.Close() })
				return s
			})
		})
	}
}

// TestBytesAreShared: what one process sets or deletes, others see at once.
func TestBytesAreShared(t *testing.T) {
	b, opts := newBench(t), Options{Prefix: newPrefix(), Keys: [][]byte{secretOf(1)}}
	one, two := b.store(t, opts), b.store(t, opts)
	defer one.Close()
	defer two.Close()
	opts.Keys = [][]byte{secretOf(2)}
	stranger := b.store(t, opts)
	defer stranger.Close()
	opts.Keys = [][]byte{secretOf(2), secretOf(1)}
	rotated := b.store(t, opts)
	defer rotated.Close()
	ctx := t.Context()

	if err := one.SetBytes(ctx, "name", []byte("value"), time.Hour); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Store{one, two, rotated} {
		if v, err := s.GetBytes(ctx, "name"); err != nil || string(v) != "value" {
			t.Errorf("got %q, %v", v, err)
		}
	}
	if v, err := stranger.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("with another secret: %q, %v", v, err)
	}
	if err := rotated.SetBytes(ctx, "name", []byte("newer"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, err := one.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("what only a newer secret opens: %q, %v", v, err)
	}
	if err := one.DeleteBytes(ctx, "name"); err != nil {
		t.Fatal(err)
	}
	if v, err := rotated.GetBytes(ctx, "name"); !errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("deleted by another: %q, %v", v, err)
	}
}

// TestBytesInRedis: every value has an end, and with secrets neither it nor its
// name can be read or guessed.
func TestBytesInRedis(t *testing.T) {
	b := newBench(t)
	for _, opts := range []Options{{Prefix: newPrefix()}, {Prefix: newPrefix(), Keys: [][]byte{secretOf(1)}}} {
		s := b.store(t, opts)
		defer s.Close()
		if err := s.SetBytes(t.Context(), "a name", []byte("a value"), 1500*time.Microsecond+time.Hour); err != nil {
			t.Fatal(err)
		}
		keys, err := b.admin.Do(t.Context(), b.admin.B().Keys().Pattern(opts.Prefix+":*").Build()).AsStrSlice()
		if err != nil || len(keys) != 1 {
			t.Fatalf("keys %q, %v", keys, err)
		}
		left, err := b.admin.Do(t.Context(), b.admin.B().Pttl().Key(keys[0]).Build()).AsInt64()
		if err != nil || left <= time.Hour.Milliseconds()-10_000 || left > time.Hour.Milliseconds()+2 {
			t.Errorf("%d ms left, %v", left, err)
		}
		kept, err := b.admin.Do(t.Context(), b.admin.B().Get().Key(keys[0]).Build()).AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		secret := len(opts.Keys) > 0
		if bytes.Contains(kept, []byte("a value")) == secret || strings.Contains(keys[0], "a name") {
			t.Errorf("secrets %v: %q holds %q", secret, keys[0], kept)
		}
		plain := envelopeOf(t, 0).digest(kindBytes, "a name", nil)
		if strings.HasSuffix(keys[0], string(plain[:])) == secret {
			t.Errorf("secrets %v: the key is %q", secret, keys[0])
		}
	}
}

// TestForeignBytes: what somebody else left under a value's key is a miss, and is
// set over.
func TestForeignBytes(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	key := s.names.ofBytes(s.envelope.digest(kindBytes, "name", nil))
	for _, foreign := range []string{"", "x", string(envelopeOf(t, 0).mustSeal(t, keyOf("name", ""), nil, text("v")))} {
		if err := b.admin.Do(t.Context(), b.admin.B().Set().Key(key).Value(foreign).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		if v, err := s.GetBytes(t.Context(), "name"); !errors.Is(err, cacheops.ErrMiss) {
			t.Errorf("%q is read as %q, %v", foreign, v, err)
		}
	}
	if err := s.SetBytes(t.Context(), "name", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if v, err := s.GetBytes(t.Context(), "name"); err != nil || string(v) != "v" {
		t.Errorf("%q, %v", v, err)
	}
}

func TestBytesWithoutAServer(t *testing.T) {
	b := newBench(t)
	s := b.store(t, Options{})
	defer s.Close()
	if err := b.server.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetBytes(t.Context(), "name"); err == nil || errors.Is(err, cacheops.ErrMiss) {
		t.Errorf("get: %v", err)
	}
	if err := s.SetBytes(t.Context(), "name", nil, time.Hour); err == nil {
		t.Error("set without a server")
	}
	if err := s.DeleteBytes(t.Context(), "name"); err == nil {
		t.Error("delete without a server")
	}
}
