//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package sqlcache

import "os"

// canMark says that files can be locked so that other processes notice.
const canMark = false

func lockFile(*os.File, bool) error { return errNoMarks }
