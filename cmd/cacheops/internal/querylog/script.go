package querylog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// sqlReader splits a script at its semicolons, those within quotes, comments
// and trigger bodies excepted.
type sqlReader struct {
	in   *bufio.Reader
	text strings.Builder // what was read; its String costs no copy
	at   int             // how much of text was returned
	line int             // of the byte there
	done bool            // in is exhausted
}

func (r *sqlReader) Next() (Statement, error) {
	var s splitter
	for {
		if end, ok := s.scan(r.pending(), r.done); ok {
			if st := r.take(s, end); st.SQL != "" {
				return st, nil
			}
			s = splitter{}
			continue
		}
		if r.done {
			return r.rest(s)
		}
		// What is open is scanned again from its beginning: twice the text each
		// time, or a quote that never ends takes for ever.
		want := len(r.pending()) + 1
		if s.brokenAt >= 0 {
			want *= 2
		}
		for len(r.pending()) < want && !r.done {
			if err := r.fill(); err != nil {
				return Statement{}, err
			}
		}
	}
}

func (r *sqlReader) pending() string { return r.text.String()[r.at:] }

// fill reads up to the next line's end: a statement seldom goes further.
func (r *sqlReader) fill() error {
	if r.at > 0 {
		rest := r.pending()
		r.text.Reset()
		r.text.WriteString(rest)
		r.at = 0
	}
	more, err := r.in.ReadSlice('\n')
	r.text.Write(more)
	switch {
	case errors.Is(err, io.EOF):
		r.done = true
	case err != nil && !errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("read log: %w", err)
	}
	return nil
}

func (r *sqlReader) take(s splitter, end int) Statement {
	text := r.pending()[:end]
	st := r.statement(s, text)
	r.line += strings.Count(text, "\n")
	r.at += end
	return st
}

// statement cuts the semicolon and what is around it; a statement of comments
// alone is empty.
func (r *sqlReader) statement(s splitter, text string) Statement {
	if s.first < 0 {
		return Statement{}
	}
	line := r.line + strings.Count(text[:s.first], "\n")
	text = strings.TrimSuffix(text, ";")
	return Statement{Line: line, SQL: strings.TrimSpace(text[min(s.first, len(text)):])}
}

// rest returns what follows the last semicolon: a statement that needs none, or
// something that was never closed.
func (r *sqlReader) rest(s splitter) (Statement, error) {
	text, line := r.pending(), r.line
	st := r.take(s, len(text))
	switch {
	case s.brokenAt >= 0:
		line += strings.Count(text[:s.brokenAt], "\n")
		return Statement{}, &LineError{line, "a quote or comment begins here and never ends"}
	case s.trigger && !s.ends():
		return Statement{}, &LineError{st.Line, "a trigger begins here and has no END;"}
	case st.SQL == "":
		return Statement{}, io.EOF
	}
	return st, nil
}

// splitter finds where a statement ends. It goes on where it stopped when it is
// given a longer text.
type splitter struct {
	at       int // scanned so far
	first    int // the first token that is no space; set once seen
	seen     bool
	brokenAt int
	head     []string // the first words, until they decide about trigger
	trigger  bool
	last     [2]string // the last two tokens, for "; END ;"
}

// scan returns the index behind the semicolon that ends the statement. whole
// says that text will not grow.
func (s *splitter) scan(text string, whole bool) (int, bool) {
	s.brokenAt = -1
	if !s.seen {
		s.first = -1
	}
	for s.at < len(text) {
		kind, n := next(text[s.at:])
		if kind == broken {
			s.brokenAt = s.at
			return 0, false
		}
		if s.at+n == len(text) && !whole && text[s.at] != ';' {
			return 0, false // it may go on in what was not read yet
		}
		token := text[s.at : s.at+n]
		start := s.at
		s.at += n
		if kind == space {
			continue
		}
		if token == ";" && s.ends() {
			return s.at, true
		}
		if !s.seen {
			s.seen, s.first = true, start
		}
		s.follow(kind, token)
	}
	return 0, false
}

// ends says whether a semicolon ends the statement: in a trigger only the one
// behind an END that itself follows a semicolon, as SQLite's shell has it.
func (s *splitter) ends() bool {
	return !s.trigger || s.last == [2]string{";", "END"}
}

func (s *splitter) follow(kind tokenKind, token string) {
	if kind == word {
		token = strings.ToUpper(token)
	}
	s.last = [2]string{s.last[1], token}
	if len(s.head) == 3 {
		return
	}
	if len(s.head) == 0 && token == "EXPLAIN" {
		return
	}
	s.head = append(s.head, token)
	h := s.head
	s.trigger = h[0] == "CREATE" &&
		(len(h) > 1 && h[1] == "TRIGGER" || len(h) > 2 && strings.HasPrefix(h[1], "TEMP") && h[2] == "TRIGGER")
}
