package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cacheops/cacheops/filestore"
)

func fill(t *testing.T, dir string, expired, live int) {
	t.Helper()
	s, err := filestore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range expired + live {
		ttl := time.Hour
		if i < expired {
			ttl = 1
		}
		if err := s.SetBytes(t.Context(), fmt.Sprint(i), []byte("value"), ttl); err != nil {
			t.Fatal(err)
		}
	}
}

func clean(ctx context.Context, live bool, args ...string) (status int, stdout, stderr string) {
	var out, talk bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &talk, live: live}
	status = e.run(ctx, append([]string{"clean-files"}, args...))
	return status, out.String(), talk.String()
}

// TestCleanFiles: data goes to stdout, the progress to a terminal's stderr.
func TestCleanFiles(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 300, 200)
	status, out, talk := clean(t.Context(), true, dir, "--json")
	var got cleaning
	if err := json.Unmarshal([]byte(out), &got); err != nil || status != 0 {
		t.Fatalf("status %d, %v\n%s%s", status, err, out, talk)
	}
	if want := (cleaning{Files: 500, Bytes: 500 << 12, Expired: 300, Freed: 300 << 12}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !strings.Contains(talk, "files") || !strings.Contains(talk, "%") {
		t.Errorf("no progress is shown: %q", talk)
	}
	status, out, talk = clean(t.Context(), false, dir)
	if status != 0 || !strings.Contains(out, "expired    0\n") || !strings.Contains(out, "files      200 (800 KiB)\n") || talk != "" {
		t.Errorf("status %d\n%s%s", status, out, talk)
	}
	status, out, talk = clean(t.Context(), false, dir, "--max-bytes", "400KiB")
	if status != 0 || !strings.Contains(out, "evicted    113\n") {
		t.Errorf("status %d\n%s%s", status, out, talk)
	}
}

// TestCleanFilesRefuses: a mistyped name is no empty cache.
func TestCleanFilesRefuses(t *testing.T) {
	dir := t.TempDir()
	nowhere, file := filepath.Join(dir, "nowhere"), filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		args []string
		says string
	}{
		{t.Context(), []string{nowhere}, "no such file"},
		{t.Context(), []string{file}, "is not a directory"},
		{t.Context(), []string{dir, "--max-bytes", "much"}, "is no size"},
		{t.Context(), []string{dir, "--max-bytes", "0"}, "is no size"},
		{cancelled, []string{dir}, "interrupted"},
	} {
		status, _, talk := clean(c.ctx, false, c.args...)
		if status != 2 || !strings.Contains(talk, c.says) {
			t.Errorf("%q: status %d, said %q, want %q", c.args, status, talk, c.says)
		}
	}
	if _, err := os.Stat(nowhere); !os.IsNotExist(err) {
		t.Errorf("the directory was made: %v", err)
	}
}
