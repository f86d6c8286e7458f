package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestScripts runs the scripts in testdata/script. A script is commands, one a
// line, and then the files that they need, each under a line "-- name --":
//
//	sqlite FILE SQLFILE      make a database
//	stdin FILE               standard input of the next run
//	run ARGS…                run cacheops; later lines look at this run. An argument
//	                         with spaces is in double quotes
//	status N                 its exit status (0 unless the script asks)
//	stdout REGEXP, stderr REGEXP, no-stdout REGEXP, no-stderr REGEXP
//	json FIELD VALUE         a field of the object that it printed
//	json-sum FIELD = FIELD + FIELD …
//	snapshot, unchanged      remember the directory's files; compare them
//	chmod MODE FILE, remove FILE
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{t: t, dir: t.TempDir()}
			s.play(string(text))
		})
	}
}

type script struct {
	t      *testing.T
	dir    string
	line   int
	stdin  string
	out    bytes.Buffer
	err    bytes.Buffer
	status int
	asked  bool // the script has looked at the status
	ran    bool
	files  map[string]string
}

var fileLine = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

func (s *script) play(text string) {
	at := fileLine.FindAllStringSubmatchIndex(text, -1)
	commands := text
	for i, m := range at {
		end := len(text)
		if i == 0 {
			commands = text[:m[0]]
		}
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		s.write(text[m[2]:m[3]], text[m[1]:end])
	}
	for line := range strings.Lines(commands) {
		s.line++
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			word, rest, _ := strings.Cut(line, " ")
			s.command(word, strings.TrimSpace(rest))
		}
	}
	s.settle()
}

func (s *script) failf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("line %d: %s\nstatus %d\nstdout:\n%s\nstderr:\n%s", s.line, fmt.Sprintf(format, args...),
		s.status, s.out.String(), s.err.String())
}

func (s *script) must(err error) {
	s.t.Helper()
	if err != nil {
		s.failf("%v", err)
	}
}

// settle fails where a run failed and the script did not ask for it.
func (s *script) settle() {
	if s.ran && !s.asked && s.status != 0 {
		s.failf("the run failed")
	}
}

func (s *script) command(word, rest string) {
	switch word {
	case "sqlite":
		s.sqlite(strings.Fields(rest))
	case "stdin":
		text, err := os.ReadFile(s.path(rest))
		s.must(err)
		s.stdin = string(text)
	case "run":
		s.run(words(rest))
	case "status":
		s.asked = true
		if rest != strconv.Itoa(s.status) {
			s.failf("status is not %s", rest)
		}
	case "stdout", "stderr", "no-stdout", "no-stderr":
		s.match(word, rest)
	case "json", "json-sum":
		s.json(word, strings.Fields(rest))
	case "snapshot":
		s.files = s.tree()
	case "unchanged":
		s.compare()
	case "chmod":
		f := strings.Fields(rest)
		mode, err := strconv.ParseUint(f[0], 8, 32)
		s.must(err)
		s.must(os.Chmod(s.path(f[1]), os.FileMode(mode)))
	case "remove":
		s.must(os.Remove(s.path(rest)))
	default:
		s.failf("unknown command %q", word)
	}
}

func (s *script) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *script) write(name, text string) {
	s.must(os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	s.must(os.WriteFile(s.path(name), []byte(text), 0o644))
}

func (s *script) sqlite(args []string) {
	text, err := os.ReadFile(s.path(args[1]))
	s.must(err)
	s.must(os.MkdirAll(filepath.Dir(s.path(args[0])), 0o755))
	db, err := sql.Open("sqlite", s.path(args[0]))
	s.must(err)
	_, err = db.ExecContext(context.Background(), string(text))
	s.must(err)
	s.must(db.Close())
}

var word = regexp.MustCompile(`"[^"]*"|\S+`)

// words splits arguments at spaces that are not in quotes.
func words(line string) []string {
	list := word.FindAllString(line, -1)
	for i, w := range list {
		list[i] = strings.Trim(w, `"`)
	}
	return list
}

// run puts the directory in front of what looks like one of its files.
func (s *script) run(args []string) {
	s.settle()
	for i, a := range args {
		if i > 0 && (args[i-1] == "--db" || args[i-1] == "--log" || args[i-1] == "--rules") && a != "-" {
			args[i] = s.path(a)
		}
	}
	s.out.Reset()
	s.err.Reset()
	e := &env{stdin: strings.NewReader(s.stdin), stdout: &s.out, stderr: &s.err}
	s.status, s.asked, s.ran = e.run(context.Background(), args), false, true
}

func (s *script) match(word, pattern string) {
	re, err := regexp.Compile(`(?m)` + pattern)
	s.must(err)
	text := s.out.String()
	if strings.HasSuffix(word, "stderr") {
		text = s.err.String()
	}
	if re.MatchString(text) == strings.HasPrefix(word, "no-") {
		s.failf("%s %s", word, pattern)
	}
}

func (s *script) json(word string, args []string) {
	object := map[string]any{}
	if err := json.Unmarshal(s.out.Bytes(), &object); err != nil {
		s.failf("stdout is not one object: %v", err)
	}
	field := func(name string) string {
		v, ok := object[name]
		if !ok {
			s.failf("no field %s", name)
		}
		return fmt.Sprint(v)
	}
	if word == "json" {
		if got := field(args[0]); got != args[1] {
			s.failf("%s is %s, not %s", args[0], got, args[1])
		}
		return
	}
	sum := 0.0
	for _, name := range args[2:] {
		if name != "+" {
			f, err := strconv.ParseFloat(field(name), 64)
			s.must(err)
			sum += f
		}
	}
	if got := field(args[0]); got != fmt.Sprint(sum) {
		s.failf("%s is %s, not %v", args[0], got, sum)
	}
}

func (s *script) tree() map[string]string {
	files := map[string]string{}
	s.must(filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	}))
	return files
}

func (s *script) compare() {
	now := s.tree()
	for path, text := range s.files {
		if now[path] != text {
			s.failf("%s has changed", path)
		}
	}
	if len(now) != len(s.files) {
		s.failf("%d files instead of %d", len(now), len(s.files))
	}
}
