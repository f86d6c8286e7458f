package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNamedTestsExist: the documents say by which test something is shown, and a
// test that was renamed or taken away must not stay there.
func TestNamedTestsExist(t *testing.T) {
	named, defined := regexp.MustCompile("`(Test[A-Za-z0-9]+)`"), regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
	where, exists := make(map[string]string), make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return fs.SkipDir
		}
		find, note := named, func(name string) { where[name] = path }
		switch {
		case strings.HasSuffix(path, "_test.go"):
			find, note = defined, func(name string) { exists[name] = true }
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range find.FindAllStringSubmatch(string(text), -1) {
			note(m[1])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(where) == 0 {
		t.Error("no document names a test")
	}
	for name, path := range where {
		if !exists[name] {
			t.Errorf("%s names %s, which there is not", path, name)
		}
	}
}
