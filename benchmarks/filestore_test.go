package benchmarks

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cacheops/cacheops/filestore"
)

// BenchmarkFileHit is a hit of package filestore against os.ReadFile of a file
// with the same value, the two by turns, and their ratio.
func BenchmarkFileHit(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 10_000, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			dir, value := b.TempDir(), make([]byte, size)
			s, err := filestore.Open(dir, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if err := s.SetBytes(b.Context(), "name", value, time.Hour); err != nil {
				b.Fatal(err)
			}
			bare := filepath.Join(dir, "bare")
			if err := os.WriteFile(bare, value, 0o600); err != nil {
				b.Fatal(err)
			}
			read := func() {
				if v, err := os.ReadFile(bare); err != nil || len(v) != size {
					b.Fatal(len(v), err)
				}
			}
			hit := func() {
				if v, err := s.GetBytes(b.Context(), "name"); err != nil || len(v) != size {
					b.Fatal(len(v), err)
				}
			}
			compare(b, read, hit)
		})
	}
}
