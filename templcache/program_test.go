package templcache

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const asProgram = "TEMPLCACHE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "" {
		os.Exit(m.Run())
	}
	fmt.Println("started")
	_, _ = io.Copy(io.Discard, os.Stdin) // until there is another in its place
	digest, err := program()
	fmt.Println(digest, err)
}

// A program's fragments are its own also where the next release lies in its place
// before it renders the first.
func TestAProgramThatWasReplaced(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has the file that was started")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(place, text, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), place)
	cmd.Env = append(os.Environ(), asProgram+"=yes")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	next := place + ".next"
	if err := os.WriteFile(next, []byte("the next release"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, place); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	if want := hex.EncodeToString(sum[:12]) + " <nil>"; strings.TrimSpace(got) != want {
		t.Errorf("the digest is %s, want %s", got, want)
	}
}
