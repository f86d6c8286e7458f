package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"

	"github.com/cacheops/cacheops/filestore"
)

type cleanCommand struct {
	Dir      string `arg:"" help:"The directory of a filestore."`
	MaxBytes string `placeholder:"SIZE" help:"Evict what was written first until seven eighths of SIZE (500MB, 10GiB) are left. Without, only what has expired goes, or is damaged or abandoned."`
	JSON     bool   `name:"json" help:"Print what was done as one JSON object."`
}

// Run is called by the parser.
func (c *cleanCommand) Run(ctx context.Context, e *env) (err error) {
	most, err := c.maxBytes()
	if err != nil {
		return err
	}
	// Open would make it: a mistyped name must not pass for an empty cache.
	info, err := os.Stat(c.Dir)
	switch {
	case err != nil:
		return fmt.Errorf("look at the directory: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", c.Dir)
	}
	store, err := filestore.Open(c.Dir, &filestore.Options{MaxBytes: most})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	var bar *progress
	done, err := store.Clean(ctx, func(done filestore.Cleaning) {
		if bar == nil {
			bar = newProgress(e, "clean", int64(done.OfDirs), false)
		}
		bar.step(fmt.Sprintf("files %s  freed %s", count(int(done.Files)), humanize.IBytes(uint64(done.Freed))))
	})
	if bar != nil {
		bar.finish()
	}
	return errors.Join(err, printCleaning(e.stdout, &done, c.JSON))
}

func (c *cleanCommand) maxBytes() (int64, error) {
	if c.MaxBytes == "" {
		return -1, nil
	}
	n, err := humanize.ParseBytes(c.MaxBytes)
	if err != nil || n == 0 || n > 1<<62 {
		return 0, fmt.Errorf("--max-bytes: %q is no size (500MB, 10GiB)", c.MaxBytes)
	}
	return int64(n), nil
}

// cleaning is a filestore.Cleaning as --json prints it.
type cleaning struct {
	Files     int64 `json:"files"`
	Bytes     int64 `json:"bytes"`
	Expired   int64 `json:"expired"`
	Damaged   int64 `json:"damaged"`
	Abandoned int64 `json:"abandoned"`
	Evicted   int64 `json:"evicted"`
	Freed     int64 `json:"freed_bytes"`
}

func printCleaning(out io.Writer, c *filestore.Cleaning, asJSON bool) error {
	r := cleaning{c.Files, c.Bytes, c.Expired, c.Damaged, c.Abandoned, c.Evicted, c.Freed}
	if asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	_, err := fmt.Fprintf(out, "files      %s (%s)\nexpired    %s\ndamaged    %s\nabandoned  %s\nevicted    %s\nfreed      %s\n",
		count(int(r.Files)), humanize.IBytes(uint64(r.Bytes)), count(int(r.Expired)), count(int(r.Damaged)),
		count(int(r.Abandoned)), count(int(r.Evicted)), humanize.IBytes(uint64(r.Freed)))
	return err
}
