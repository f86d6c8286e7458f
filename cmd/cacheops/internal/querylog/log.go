// Package querylog reads logs of SQL statements: scripts whose statements end
// with a semicolon, and JSON lines with arguments and sessions.
package querylog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Statement is one statement of a log.
type Statement struct {
	Line int // where it begins, from 1
	// Session that ran it; empty if the log does not say.
	Session string
	SQL     string
	// Args as database/sql takes them: int64, float64, string, bool, []byte,
	// nil, or a sql.NamedArg of these.
	Args []any
}

// LineError is a part of a log that cannot be read. The reader can go on behind it.
type LineError struct {
	Line int
	What string
}

func (b *LineError) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.What) }

// Format is a log's format.
type Format string

// The formats. Auto goes by the file's name, and if that says nothing by the
// first byte that is no white space: a brace begins JSON lines.
const (
	Auto Format = "auto"
	SQL  Format = "sql"
	JSON Format = "json"
)

// Reader reads statements one by one.
type Reader interface {
	// Next returns the next statement, io.EOF at the end, a *[LineError] for what
	// it cannot read, or the error of the reader beneath.
	Next() (Statement, error)
}

// NewReader returns a reader of a log of that format and, for Auto, that name.
func NewReader(r io.Reader, format Format, name string) (Reader, error) {
	buf := bufio.NewReaderSize(r, 64<<10)
	if err := skipMark(buf); err != nil {
		return nil, err
	}
	if format == Auto {
		switch strings.ToLower(filepath.Ext(name)) {
		case ".sql":
			format = SQL
		case ".jsonl", ".ndjson", ".json":
			format = JSON
		}
	}
	if format == Auto {
		c, err := firstByte(buf)
		if err != nil {
			return nil, err
		}
		if format = SQL; c == '{' {
			format = JSON
		}
	}
	if format == JSON {
		return &jsonReader{in: buf}, nil
	}
	return &sqlReader{in: buf, line: 1}, nil
}

// skipMark leaves out the byte order mark that Windows editors put first.
func skipMark(buf *bufio.Reader) error {
	b, err := buf.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read log: %w", err)
	}
	if bytes.Equal(b, []byte("\xef\xbb\xbf")) {
		_, err := buf.Discard(3)
		return err
	}
	return nil
}

// firstByte looks, within the buffer, for a byte that is no white space; 0 if
// there is none.
func firstByte(buf *bufio.Reader) (byte, error) {
	for n := 1; n <= buf.Size(); n++ {
		b, err := buf.Peek(n)
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read log: %w", err)
		}
		if c := b[n-1]; !isSpace(c) {
			return c, nil
		}
	}
	return 0, nil
}
