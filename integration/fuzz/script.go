package fuzz

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Script is a database and what several sessions do with it, in order.
type Script struct {
	Seed uint64
	// Pragmas are set on every connection ("foreign_keys(1)").
	Pragmas []string
	// Setup runs before the engine opens the database; its errors are ignored.
	Setup []string
	Ops   []Op
}

// Action is what an Op does.
type Action string

// The actions. Begin, Commit and Rollback are database/sql's; the SQL
// statements of those names are Execs.
const (
	Exec     Action = "exec"
	Query    Action = "query"
	Begin    Action = "begin"
	Commit   Action = "commit"
	Rollback Action = "rollback"
	// Reopen closes the session, and opens another one in its place.
	Reopen Action = "reopen"
	// Copy writes rows by COPY, or by INSERT where the driver has none: SQL is the
	// table and its columns, Args their values row by row.
	Copy Action = "copy"
)

// Op is one step of one session.
type Op struct {
	Session  int
	Action   Action
	SQL      string
	Args     []any
	Prepared bool   // through a prepared statement that the session keeps
	Read     bool   // changes nothing: may be cached
	ID       bool   // an INSERT that makes a rowid, which LastInsertId tells
	Ordered  bool   // its ORDER BY is total: the rows' order counts
	Class    string // of statement, for the figures
}

// String writes s so that Parse reads it back.
func (s *Script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- seed %d\n", s.Seed)
	for _, p := range s.Pragmas {
		fmt.Fprintf(&b, "-- pragma %s\n", p)
	}
	for _, stmt := range s.Setup {
		fmt.Fprintf(&b, "-- setup\n%s\n", stmt)
	}
	for _, op := range s.Ops {
		b.WriteString(op.header())
		if op.SQL != "" {
			b.WriteString(op.SQL + "\n")
		}
	}
	return b.String()
}

func (op *Op) header() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- s%d %s", op.Session, op.Action)
	for _, flag := range []struct {
		on   bool
		name string
	}{{op.Prepared, "prepared"}, {op.Read, "read"}, {op.Ordered, "ordered"}, {op.ID, "id"}} {
		if flag.on {
			b.WriteString(" " + flag.name)
		}
	}
	if op.Class != "" {
		b.WriteString(" class=" + op.Class)
	}
	for _, a := range op.Args {
		b.WriteString(" | " + formatArg(a))
	}
	return b.String() + "\n"
}

func formatArg(a any) string {
	if n, ok := a.(sql.NamedArg); ok {
		return ":" + n.Name + " " + formatArg(n.Value)
	}
	switch v := a.(type) {
	case nil:
		return "null"
	case int64:
		return "int " + strconv.FormatInt(v, 10)
	case float64:
		return "real " + strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return "text " + strconv.Quote(v)
	case []byte:
		return "blob " + strconv.Quote(string(v))
	case bool:
		return "bool " + strconv.FormatBool(v)
	case time.Time:
		return "time " + v.Format(time.RFC3339Nano)
	}
	panic(fmt.Sprintf("fuzz: no form for an argument of %T", a))
}

// Parse reads a script. Lines that start with "-- #" are remarks.
func Parse(r io.Reader) (*Script, error) {
	s := &Script{}
	var body *string
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		line := sc.Text()
		head, ok := strings.CutPrefix(line, "-- ")
		switch {
		case strings.HasPrefix(line, "-- #"):
		case ok:
			var err error
			if body, err = s.header(head); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		case body == nil && strings.TrimSpace(line) != "":
			return nil, fmt.Errorf("line %d: SQL outside of a step", n)
		case body != nil && *body == "":
			*body = line
		case body != nil:
			*body += "\n" + line
		}
	}
	return s, sc.Err()
}

// header takes in one "-- " line and returns where the SQL after it belongs.
func (s *Script) header(head string) (body *string, err error) {
	word, rest, _ := strings.Cut(head, " ")
	switch {
	case word == "seed":
		s.Seed, err = strconv.ParseUint(rest, 10, 64)
		return nil, err
	case word == "pragma":
		s.Pragmas = append(s.Pragmas, rest)
		return nil, nil
	case word == "setup":
		s.Setup = append(s.Setup, "")
		return &s.Setup[len(s.Setup)-1], nil
	case strings.HasPrefix(word, "s"):
		op, err := parseOp(word[1:], rest)
		if err != nil {
			return nil, err
		}
		s.Ops = append(s.Ops, op)
		return &s.Ops[len(s.Ops)-1].SQL, nil
	}
	return nil, fmt.Errorf("no such step: %q", word)
}

func parseOp(session, rest string) (op Op, err error) {
	if op.Session, err = strconv.Atoi(session); err != nil {
		return op, err
	}
	fields := strings.Split(rest, " | ")
	for i, w := range strings.Fields(fields[0]) {
		class, isClass := strings.CutPrefix(w, "class=")
		switch {
		case i == 0:
			op.Action = Action(w)
		case isClass:
			op.Class = class
		case w == "prepared":
			op.Prepared = true
		case w == "read":
			op.Read = true
		case w == "id":
			op.ID = true
		case w == "ordered":
			op.Ordered = true
		default:
			return op, fmt.Errorf("no such flag: %q", w)
		}
	}
	for _, f := range fields[1:] {
		a, err := parseArg(f)
		if err != nil {
			return op, err
		}
		op.Args = append(op.Args, a)
	}
	return op, nil
}

func parseArg(f string) (any, error) {
	form, text, _ := strings.Cut(f, " ")
	if name, ok := strings.CutPrefix(form, ":"); ok {
		v, err := parseArg(text)
		return sql.Named(name, v), err
	}
	switch form {
	case "null":
		return nil, nil
	case "int":
		return strconv.ParseInt(text, 10, 64)
	case "real":
		return strconv.ParseFloat(text, 64)
	case "text":
		return strconv.Unquote(text)
	case "blob":
		s, err := strconv.Unquote(text)
		return []byte(s), err
	case "bool":
		return strconv.ParseBool(text)
	case "time":
		t, err := time.Parse(time.RFC3339Nano, text)
		return t.UTC(), err
	}
	return nil, fmt.Errorf("no such kind of argument: %q", form)
}
