package querylog

import (
	"bufio"
	"strings"
)

// Transaction follows a session's statements and knows whether it is inside a
// transaction. The zero Transaction is outside.
type Transaction struct {
	begun      bool
	savepoints []string
}

// Open reports whether a transaction is open.
func (t *Transaction) Open() bool { return t.begun || len(t.savepoints) > 0 }

// Ran follows a statement, or several in one text, that ran without an error.
func (t *Transaction) Ran(kind Kind, sql string) {
	if !strings.Contains(strings.TrimRight(sql, "; \t\r\n"), ";") {
		t.ran(kind, sql)
		return
	}
	parts := sqlReader{in: bufio.NewReader(strings.NewReader(sql)), line: 1}
	for {
		part, err := parts.Next()
		if err != nil { // the end, or what SQLite would not have run
			return
		}
		t.ran(KindOf(part.SQL), part.SQL)
	}
}

func (t *Transaction) ran(kind Kind, sql string) {
	switch kind {
	case Begin:
		t.begun = true
	case Commit, Rollback:
		*t = Transaction{}
	case Savepoint:
		t.savepoints = append(t.savepoints, savepointName(sql))
	case Release:
		if i := t.last(savepointName(sql)); i >= 0 {
			t.savepoints = t.savepoints[:i]
		}
	case RollbackTo:
		if i := t.last(savepointName(sql)); i >= 0 {
			t.savepoints = t.savepoints[:i+1]
		}
	}
}

func (t *Transaction) last(name string) int {
	for i := len(t.savepoints) - 1; i >= 0; i-- {
		if t.savepoints[i] == name {
			return i
		}
	}
	return -1
}

// savepointName is the last name of SAVEPOINT x, RELEASE [SAVEPOINT] x and
// ROLLBACK [TRANSACTION] TO [SAVEPOINT] x, which SQLite compares without case.
func savepointName(sql string) string {
	name := ""
	for len(sql) > 0 {
		kind, n := next(sql)
		switch kind {
		case word:
			name = strings.ToLower(sql[:n])
		case quoted, literal:
			name = strings.ToLower(strings.Trim(sql[:n], "\"'`[]"))
		}
		sql = sql[n:]
	}
	return name
}
