package filestore_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/cacheops/cacheops/filestore"
)

func Example() {
	dir, err := os.MkdirTemp("", "reports-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := filestore.Open(dir, &filestore.Options{MaxBytes: 1 << 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	ctx := context.Background()
	if err := store.SetBytes(ctx, "report 2026-11", []byte("a report"), 24*time.Hour); err != nil {
		fmt.Println(err)
		return
	}
	report, err := store.GetBytes(ctx, "report 2026-11") // cacheops.ErrMiss where there is none
	fmt.Printf("%s, %v\n", report, err)
	// Output: a report, <nil>
}
