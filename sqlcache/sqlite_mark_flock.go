//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlcache

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// canMark says that files can be locked so that other processes notice.
const canMark = true

// lockFile locks an open file without waiting: for itself, or together with others
// who lock it so. It fails with errMarked where others have it.
func lockFile(f *os.File, alone bool) error {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	for {
		switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errMarked
		case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EINVAL):
			return errNoMarks
		default:
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
