package memstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
)

// TestLongTextsCount: a statement of a program's own making is kept alive by
// its entry alone, and must not go past the bound.
func TestLongTextsCount(t *testing.T) {
	const most, length = 1 << 20, 16 << 10
	s := New(most)
	defer s.Close()
	for i := range 1000 {
		k := &cacheops.Key{Hash: uint64(i), Text: fmt.Sprint(strings.Repeat("x", length), i)}
		if err := s.Put(context.Background(), k, &cacheops.Entry{Value: block(nil), TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	s.entries.CleanUp()
	if n := s.Stats().Entries; n*length > most {
		t.Errorf("%d texts of %d bytes are kept in %d", n, length, most)
	}
}
