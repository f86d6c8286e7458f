package querylog

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
)

// jsonReader reads one object a line:
//
//	{"session": 1, "sql": "SELECT …", "args": [1, "two", null, {"blob": "AAEC"}]}
//
// Arguments may also be an object of named ones. Blank lines are passed over.
type jsonReader struct {
	in   *bufio.Reader
	line int
}

func (r *jsonReader) Next() (Statement, error) {
	for {
		text, err := r.in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return Statement{}, fmt.Errorf("read log: %w", err)
		}
		if len(text) == 0 {
			return Statement{}, io.EOF
		}
		r.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return parseLine(r.line, text)
		}
	}
}

type jsonLine struct {
	Session json.RawMessage `json:"session"`
	SQL     *string         `json:"sql"`
	Args    json.RawMessage `json:"args"`
}

func parseLine(line int, text []byte) (Statement, error) {
	var l jsonLine
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return Statement{}, &LineError{line, "not a statement: " + strings.TrimPrefix(err.Error(), "json: ")}
	}
	if dec.More() {
		return Statement{}, &LineError{line, "more than one object on a line"}
	}
	if l.SQL == nil || KindOf(*l.SQL) == Empty {
		return Statement{}, &LineError{line, `"sql" is missing or empty`}
	}
	session, err := sessionName(l.Session)
	if err != nil {
		return Statement{}, &LineError{line, err.Error()}
	}
	args, err := parseArgs(l.Args)
	if err != nil {
		return Statement{}, &LineError{line, err.Error()}
	}
	return Statement{Line: line, Session: session, SQL: *l.SQL, Args: args}, nil
}

// sessionName takes numbers and texts: 1 and "1" are the same session.
func sessionName(raw json.RawMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return number.String(), nil
	}
	return "", errors.New(`"session" is neither a number nor a text`)
}

func parseArgs(raw json.RawMessage) ([]any, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] == '{' {
		return parseNamed(raw)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, errors.New(`"args" is neither a list nor an object`)
	}
	args := make([]any, 0, len(list))
	for i, raw := range list {
		v, err := parseArg(raw)
		if err != nil {
			return nil, fmt.Errorf("argument %d %w", i+1, err)
		}
		args = append(args, v)
	}
	return args, nil
}

func parseNamed(raw json.RawMessage) ([]any, error) {
	var byName map[string]json.RawMessage
	if err := json.Unmarshal(raw, &byName); err != nil {
		return nil, fmt.Errorf(`"args": %w`, err)
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	sort.Strings(names)
	args := make([]any, 0, len(names))
	for _, name := range names {
		v, err := parseArg(byName[name])
		if err != nil {
			return nil, fmt.Errorf("argument %q %w", name, err)
		}
		args = append(args, sql.Named(strings.TrimLeft(name, ":@$"), v))
	}
	return args, nil
}

// parseArg keeps whole numbers whole: 1 and 1.0 are different values to SQLite.
func parseArg(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case 'n':
		return nil, nil
	case 't', 'f':
		return raw[0] == 't', nil
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case '{':
		return parseBlob(raw)
	case '[':
		return nil, errors.New("is a list")
	}
	if i, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, errors.New("is a number that does not fit")
	}
	return f, nil
}

func parseBlob(raw json.RawMessage) (any, error) {
	var b struct {
		Blob *[]byte `json:"blob"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil || b.Blob == nil {
		return nil, errors.New(`is an object other than {"blob": "base64"}`)
	}
	return *b.Blob, nil
}
