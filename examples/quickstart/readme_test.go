package quickstart_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeShowsTheExample: what the README tells people to write is what is
// compiled and run here.
func TestReadmeShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("quickstart_test.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok1 := strings.Cut(string(source), "// README: begin\n")
	body, _, ok2 := strings.Cut(body, "\t// README: end\n")
	if !ok1 || !ok2 {
		t.Fatal("the example has lost its marks")
	}
	for line := range strings.Lines(body) {
		if line = strings.TrimSpace(line); !strings.Contains(string(readme), line) {
			t.Errorf("the README does not show: %s", line)
		}
	}
}
