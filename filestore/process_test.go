package filestore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/filestore"
)

const roleVariable = "FILESTORE_TEST_ROLE"

// process starts another process of this test: play with the words as its role.
func process(t *testing.T, role ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), roleVariable+"="+strings.Join(role, "\n"))
	cmd.Stderr = os.Stderr
	return cmd
}

// play is the main function of another process.
func play(role string) int {
	words := strings.Split(role, "\n")
	var err error
	switch words[0] {
	case "write for ever":
		err = writeForEver(words[1])
	case "work":
		err = work(words[1], words[2])
	case "write with small files only":
		err = writeSmall(words[1])
	default:
		err = fmt.Errorf("no such role: %q", words)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// In these tests every value says by itself whether it is whole: one line, many
// times, at least to the last.
const racedNames = 8

func racedName(i int) string { return fmt.Sprint("raced ", i) }

func racedValue(rng *rand.Rand) []byte {
	line := fmt.Sprintf("%016x\n", rng.Uint64())
	return bytes.Repeat([]byte(line), 1+rng.IntN(1<<rng.IntN(16)))
}

func isWhole(v []byte) bool {
	const line = 17
	return len(v) >= line && len(v)%line == 0 && bytes.Equal(v[line:], v[:len(v)-line])
}

func writeForEver(dir string) error {
	s, err := filestore.Open(dir, nil)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for n := 0; ; n++ {
		if err := s.SetBytes(context.Background(), racedName(rng.IntN(racedNames)), racedValue(rng), time.Hour); err != nil {
			return err
		}
		if n == racedNames {
			fmt.Println("writing")
		}
	}
}

// TestKilledWriters: processes are killed while they write. Nobody ever misses a
// value that was there before, or gets a part of one.
func TestKilledWriters(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	s := open(t, dir, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range racedNames {
		if err := s.SetBytes(ctx, racedName(i), racedValue(rng), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	kills := 40
	if testing.Short() {
		kills = 8
	}
	for range kills {
		writer := process(t, "write for ever", dir)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		for range rng.IntN(2000) {
			v, err := s.GetBytes(ctx, racedName(rng.IntN(racedNames)))
			if err != nil || !isWhole(v) {
				t.Fatalf("%d bytes, %.40q, %v", len(v), v, err)
			}
		}
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := writer.Wait(); err == nil {
			t.Fatal("the writer has ended by itself")
		}
		for i := range racedNames {
			if v, err := s.GetBytes(ctx, racedName(i)); err != nil || !isWhole(v) {
				t.Fatalf("%d bytes, %.40q, %v", len(v), v, err)
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*.cacheops-new"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d writers killed, %d of them over a file", kills, len(left))
	s.SetClock(func() time.Time { return time.Now().Add(2 * time.Hour) })
	if done, err := s.Clean(ctx, nil); err != nil || done.Abandoned != int64(len(left)) || done.Expired != racedNames || done.Damaged != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

// work is what one of many processes does to a directory: anything.
func work(dir, seed string) error {
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return err
	}
	s, err := filestore.Open(dir, &filestore.Options{MaxBytes: 1 << 20})
	if err != nil {
		return err
	}
	rng, ctx := rand.New(rand.NewPCG(n, 2)), context.Background()
	own, mine := "of "+seed, []byte(nil)
	for range 1500 {
		name := racedName(rng.IntN(racedNames))
		switch rng.IntN(12) {
		case 0:
			err = s.DeleteBytes(ctx, name)
		case 1:
			_, err = s.Clean(ctx, nil)
		case 2, 3, 4:
			v := racedValue(rng)
			err = s.SetBytes(ctx, name, v[:len(v)%(100<<10)/17*17], time.Duration(1+rng.IntN(int(time.Second))))
		case 5:
			mine = racedValue(rng)
			err = s.SetBytes(ctx, own, mine, time.Hour)
		case 6:
			v, getErr := s.GetBytes(ctx, own)
			if getErr == nil && !bytes.Equal(v, mine) || getErr != nil && !errors.Is(getErr, cacheops.ErrMiss) {
				return fmt.Errorf("of its own name: %d bytes of %d, %w", len(v), len(mine), getErr)
			}
		default:
			v, getErr := s.GetBytes(ctx, name)
			if getErr == nil && len(v) > 0 && !isWhole(v) || getErr != nil && !errors.Is(getErr, cacheops.ErrMiss) {
				return fmt.Errorf("%d bytes, %.40q, %w", len(v), v, getErr)
			}
		}
		if err != nil {
			return err
		}
	}
	return s.Close()
}

// TestManyProcesses read, write, delete, clean and evict in one directory.
func TestManyProcesses(t *testing.T) {
	dir := t.TempDir()
	var all []*exec.Cmd
	for i := range 6 {
		p := process(t, "work", dir, strconv.Itoa(i))
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	for i, p := range all {
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*", "*.cacheops-new"))
	if err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %q, %v", left, err)
	}
}

// smallFile is what a process may write to one file that is limited.
const smallFile = 64 << 10

// writeSmall sets a value for which there is no room, in the midst of its file.
func writeSmall(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: smallFile, Max: smallFile}); err != nil {
		return err
	}
	s, err := filestore.Open(dir, nil)
	if err != nil {
		return err
	}
	return refused(s, syscall.EFBIG)
}

// refused checks that a value for which there is no room is an error that says so,
// and that neither it, nor a part of it, nor what was there before, is left.
func refused(s *filestore.Store, want error) error {
	ctx := context.Background()
	if err := s.SetBytes(ctx, "name", []byte("small"), time.Hour); err != nil {
		return fmt.Errorf("a small value: %w", err)
	}
	for _, call := range []func() error{
		func() error { return s.SetBytes(ctx, "name", make([]byte, 2<<20), time.Hour) },
		func() error { return s.SetBytes(ctx, "new", make([]byte, 2<<20), time.Hour) },
	} {
		if err := call(); !errors.Is(err, want) {
			return fmt.Errorf("a large value: got %w, want %w", err, want)
		}
	}
	for _, name := range []string{"name", "new"} {
		if v, err := s.GetBytes(ctx, name); !errors.Is(err, cacheops.ErrMiss) {
			return fmt.Errorf("%s: %d bytes, %w", name, len(v), err)
		}
	}
	if err := s.SetBytes(ctx, "name", []byte("small again"), time.Hour); err != nil {
		return fmt.Errorf("a small value after it: %w", err)
	}
	return s.Close()
}

// TestNoRoomForAFile: the system stops a write after a part of it.
func TestNoRoomForAFile(t *testing.T) {
	dir := t.TempDir()
	if err := process(t, "write with small files only", dir).Run(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", "*.cacheops-new")); err != nil || len(left) > 0 {
		t.Errorf("files are left behind: %q, %v", left, err)
	}
}
