// Package archtest checks who imports whom.
package archtest

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/cacheops/cacheops"
)

// allowed says which packages of this module a package may import, by directory.
// The list is closed: a new package enters it with its place in the order.
var allowed = map[string][]string{
	".":                      {"internal/dep", "internal/flight", "internal/keysum"},
	"filestore":              {"."},
	"memstore":               {"."},
	"storetest":              {"."},
	"sqlcache":               {".", "internal/dep", "internal/catalog", "internal/keysum", "internal/sqldep", "internal/rowset"},
	"adaptertest":            {".", "memstore", "sqlcache"},
	"htmlcache":              {"."},
	"httpcache":              {"."},
	"internal/archtest":      {},
	"internal/catalog":       {"internal/dep"},
	"internal/dep":           {},
	"internal/faultstore":    {"."},
	"internal/flight":        {},
	"internal/keysum":        {},
	"internal/page":          {"."},
	"internal/page/pagetest": {".", "memstore"},
	"internal/rowset":        {},
	"internal/sqldep":        {"internal/catalog", "internal/dep"},
}

// outside says which other modules a package may import.
var outside = map[string][]string{
	".":            {"github.com/cespare/xxhash/v2", "github.com/fxamacker/cbor/v2"},
	"internal/dep": {"github.com/cespare/xxhash/v2"},
	"filestore":    {"github.com/zeebo/xxh3"},
	"memstore":     {"github.com/maypok86/otter/v2"},
}

// required are the modules that a user of the root module inherits.
var required = []string{
	"github.com/cespare/xxhash/v2",  // the hash of tags and keys
	"github.com/fxamacker/cbor/v2",  // the codec of functions' values where none is given
	"github.com/x448/float16",       // which needs this
	"github.com/maypok86/otter/v2",  // memstore's eviction
	"github.com/zeebo/xxh3",         // filestore's checksum
	"github.com/klauspost/cpuid/v2", // which needs this
	"golang.org/x/sys",              // which needs this
	"go.uber.org/goleak",            // tests
	"pgregory.net/rapid",            // tests
}

// noSQL are the directories that must not know of databases at all.
var noSQL = []string{".", "filestore", "httpcache", "memstore", "storetest", "internal/dep", "internal/flight", "internal/keysum"}

func TestImports(t *testing.T) {
	seen := 0
	for _, dir := range packages(t) {
		pkg, err := build.ImportDir(filepath.Join(root, dir), 0)
		if err != nil {
			t.Fatalf("read %s: %v", dir, err)
		}
		seen++
		if _, ok := allowed[dir]; !ok {
			t.Errorf("%s has no place in the table of imports", dir)
			continue
		}
		for _, imp := range pkg.Imports {
			if why := objection(dir, imp); why != "" {
				t.Errorf("%s imports %s: %s", dir, imp, why)
			}
		}
	}
	if seen < 4 {
		t.Fatalf("found %d packages: the test looks in the wrong place", seen)
	}
}

// objection says why dir may not import path, or nothing.
func objection(dir, path string) string {
	if inner, ok := ours(path); ok {
		if slices.Contains(allowed[dir], inner) {
			return ""
		}
		return "not in its list"
	}
	if !strings.Contains(strings.SplitN(path, "/", 2)[0], ".") {
		if strings.HasPrefix(path, "database/sql") && slices.Contains(noSQL, dir) {
			return "it must not know of SQL"
		}
		return ""
	}
	for _, m := range outside[dir] {
		if path == m || strings.HasPrefix(path, m+"/") {
			return ""
		}
	}
	return "a dependency that it may not have"
}

// ours turns the import path of a package of this module into its directory.
func ours(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// packages lists the directories of the root module that hold Go files.
func packages(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if rel != "." && skipped(path, d.Name()) {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(path, "*.go"))
		if len(files) > 0 {
			dirs = append(dirs, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// skipped reports whether a directory is none of the root module's.
func skipped(path, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "tmp" || name == "bin" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

func TestObjections(t *testing.T) {
	for _, c := range []struct {
		dir, path string
		ok        bool
	}{
		{".", module + "/internal/dep", true},
		{".", module + "/internal/sqldep", false},
		{".", module + "/sqlcache", false},
		{".", "database/sql", false},
		{".", "database/sql/driver", false},
		{".", "modernc.org/sqlite", false},
		{".", "github.com/cespare/xxhash/v2", true},
		{".", "time", true},
		{"memstore", module, true},
		{"memstore", module + "/sqlcache", false},
		{"internal/sqldep", module, false},
		{"internal/sqldep", module + "/internal/catalog", true},
		{"internal/sqldep", "database/sql/driver", true},
		{"sqlcache", module + "/internal/sqldep", true},
		{"sqlcache", module + "/memstore", false},
		{"sqlcache", "modernc.org/sqlite", false},
	} {
		if got := objection(c.dir, c.path); (got == "") != c.ok {
			t.Errorf("%s importing %s: objection %q", c.dir, c.path, got)
		}
	}
}

// TestRequirements keeps drivers, clients and ORMs out of the go.mod that every
// user inherits.
func TestRequirements(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range requirements(string(text)) {
		if !slices.Contains(required, m) {
			t.Errorf("the root module requires %s", m)
		}
	}
}

// requirements lists the modules that a go.mod requires, indirectly too.
func requirements(gomod string) []string {
	var mods []string
	block := false
	for line := range strings.Lines(gomod) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "//"):
		case len(f) == 2 && f[0] == "require" && f[1] == "(":
			block = true
		case f[0] == ")":
			block = false
		case block:
			mods = append(mods, f[0])
		case f[0] == "require":
			mods = append(mods, f[1])
		}
	}
	return mods
}

func TestRequirementsAreRead(t *testing.T) {
	const gomod = "module x\n\ngo 1.26.0\n\nrequire a.b/c v1.0.0\n\nrequire (\n\td.e/f v1.2.3\n\t// why\n\tg.h/i v0.1.0 // indirect\n)\n\nreplace j.k/l => ../\n"
	if got, want := requirements(gomod), []string{"a.b/c", "d.e/f", "g.h/i"}; !slices.Equal(got, want) {
		t.Errorf("requirements: got %q, want %q", got, want)
	}
}
