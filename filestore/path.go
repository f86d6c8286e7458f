package filestore

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
)

// Values lie in 256 directories by the first byte of their name's digest:
//
//	DIR/7f/9c2ba4e88f827d616045507605853ed73b8093.cacheops
//
// What is named otherwise was not made here, and is never touched. Without the
// ending, DIR could be taken for the objects of a Git repository, and Clean would
// empty that.
const (
	valueEnding = ".cacheops"
	asideEnding = ".cacheops-new" // written aside, not yet in its place

	// digestBytes of a SHA-256 are more than enough: names are compared besides.
	digestBytes = 20

	dirMode  = 0o700
	fileMode = 0o600
)

// path returns where the value of a name is.
func (s *Store) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	b := make([]byte, 0, len(s.dir)+2*digestBytes+len(valueEnding)+2)
	b = append(b, s.dir...)
	b = append(b, filepath.Separator)
	b = hex.AppendEncode(b, sum[:1])
	b = append(b, filepath.Separator)
	b = hex.AppendEncode(b, sum[1:digestBytes])
	b = append(b, valueEnding...)
	return string(b)
}

// isShard and isValue recognise names that path makes, isAside those that a write
// makes besides.
func isShard(name string) bool { return len(name) == 2 && isHex(name) }

func isValue(name string) bool {
	digest, ok := strings.CutSuffix(name, valueEnding)
	return ok && len(digest) == 2*(digestBytes-1) && isHex(digest)
}

func isAside(name string) bool {
	_, ok := strings.CutSuffix(name, asideEnding)
	return ok
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
