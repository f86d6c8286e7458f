package replay

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// CopyDatabase copies the SQLite database at path, with what its write-ahead log
// or rollback journal holds, to a file in dir, and checks that the copy can be
// read. It only ever reads the original's files: opening it as a database, as
// VACUUM INTO would, may write beside it and needs a directory that can be
// written to, and VACUUM gives rows new rowids.
func CopyDatabase(ctx context.Context, path, dir string) (string, error) {
	if info, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("open database: %w", err)
	} else if !info.Mode().IsRegular() {
		return "", fmt.Errorf("open database: %s is not a file", path)
	}
	target := filepath.Join(dir, "replay.sqlite")
	if err := copyStill(ctx, path, target); err != nil {
		return "", fmt.Errorf("copy database: %w", err)
	}
	if err := checkCopy(ctx, target); err != nil {
		return "", fmt.Errorf("read the copy of %s: %w", path, err)
	}
	return target, nil
}

// sideFiles are what belongs to a database besides its file. The shared memory
// file is not among them: SQLite makes it anew from the log.
var sideFiles = []string{"", "-wal", "-journal"}

var errMoving = errors.New("the database is being written to; stop its writers or copy it with VACUUM INTO first")

// copyStill copies until nothing changed meanwhile: pages of two moments are no
// database.
func copyStill(ctx context.Context, path, target string) error {
	for range 3 {
		before, err := fingerprint(path)
		if err != nil {
			return err
		}
		for _, side := range sideFiles {
			if err := copyFile(ctx, path+side, target+side); err != nil {
				return err
			}
		}
		after, err := fingerprint(path)
		if err != nil {
			return err
		}
		if before == after {
			return nil
		}
	}
	return errMoving
}

type fileState struct {
	size    int64
	changed time.Time
}

func fingerprint(path string) (state [3]fileState, err error) {
	for i, side := range sideFiles {
		info, err := os.Stat(path + side)
		if side != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return state, err
		}
		state[i] = fileState{info.Size(), info.ModTime()}
	}
	return state, nil
}

// copyFile copies one file; one that is not there is removed from the target.
func copyFile(ctx context.Context, from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// Not behind an interface: *os.File to *os.File may share blocks instead of
	// copying them.
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), ctx.Err())
}

// checkCopy opens the copy, which recovers its log, and puts it into WAL mode,
// in which a reader and a writer do not lock each other out: the checks read
// beside a session's open transaction.
func checkCopy(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, nil))
	if err != nil {
		return err
	}
	defer db.Close()
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	// One file again, to be copied once more for the twin.
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// dsn names a database file for the driver. Nothing waits for a lock: all
// sessions run in turn, so whoever holds it cannot let go meanwhile.
func dsn(path string, pragmas []string) string {
	q := url.Values{"_pragma": append([]string{"busy_timeout(0)", "synchronous(off)"}, pragmas...)}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}
