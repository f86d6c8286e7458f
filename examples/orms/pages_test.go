package orms_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPagesShowTheExamples: what the page of a library tells people to write is what
// its example compiles and its test runs.
func TestPagesShowTheExamples(t *testing.T) {
	for _, name := range []string{"bun", "ent", "sqlc", "sqlx", "squirrel", "xorm"} {
		page, err := os.ReadFile("../../docs/orms/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		source := sources(t, name)
		for _, block := range strings.Split(string(page), "\n```")[1:] {
			language, code, _ := strings.Cut(block, "\n")
			if language != "go" && language != "sql" {
				continue // what follows a block
			}
			for line := range strings.Lines(code) {
				if line = strings.TrimSpace(line); line != "" && !source[line] {
					t.Errorf("%s.md shows what the example does not have: %s", name, line)
				}
				shown++
			}
		}
		if shown == 0 {
			t.Errorf("%s.md shows nothing", name)
		}
	}
}

// sources returns the lines of an example, without their indentation.
func sources(t *testing.T, name string) map[string]bool {
	t.Helper()
	lines := map[string]bool{}
	for _, glob := range []string{"*.go", "*.sql"} {
		files, err := filepath.Glob(filepath.Join(name, glob))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				lines[strings.TrimSpace(line)] = true
			}
		}
	}
	return lines
}
