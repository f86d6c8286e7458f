package querylog

import "strings"

// Kind is what a statement is, as far as running it needs to know.
type Kind uint8

// The kinds. Other is whatever is run and returns nothing of interest.
const (
	Other Kind = iota
	Empty
	Read       // SELECT, VALUES, WITH … SELECT, EXPLAIN
	Write      // INSERT, REPLACE, UPDATE, DELETE
	Returning  // one of these with RETURNING
	Schema     // CREATE, DROP, ALTER
	Pragma     // PRAGMA
	Begin      // BEGIN
	Commit     // COMMIT, END
	Rollback   // ROLLBACK
	RollbackTo // ROLLBACK TO
	Savepoint  // SAVEPOINT
	Release    // RELEASE
	Attach     // ATTACH
	Vacuum     // VACUUM
)

// Queries reports whether statements of the kind return rows.
func (k Kind) Queries() bool { return k == Read || k == Returning || k == Pragma }

// Writes reports whether statements of the kind change data or schema.
func (k Kind) Writes() bool { return k == Write || k == Returning || k == Schema }

var kinds = map[string]Kind{
	"SELECT": Read, "VALUES": Read, "EXPLAIN": Read,
	"INSERT": Write, "REPLACE": Write, "UPDATE": Write, "DELETE": Write,
	"CREATE": Schema, "DROP": Schema, "ALTER": Schema,
	"PRAGMA": Pragma, "BEGIN": Begin, "COMMIT": Commit, "END": Commit,
	"ROLLBACK": Rollback, "SAVEPOINT": Savepoint, "RELEASE": Release,
	"ATTACH": Attach, "VACUUM": Vacuum,
}

// KindOf sorts one statement. It only decides how the statement is run and
// counted: what it depends on or changes is not decided here.
func KindOf(sql string) Kind {
	words := outerWords(sql)
	if len(words) == 0 {
		return Empty
	}
	kind := kinds[words[0]]
	switch {
	case words[0] == "WITH":
		kind = withKind(words[1:])
	case kind == Rollback && rollsBackTo(words[1:]):
		return RollbackTo
	}
	if kind == Write && contains(words, "RETURNING") {
		return Returning
	}
	return kind
}

// outerWords lists the unquoted words outside of parentheses, in upper case.
// A statement without any still has one empty word.
func outerWords(sql string) []string {
	var words []string
	depth, any := 0, false
	for len(sql) > 0 {
		kind, n := next(sql)
		switch {
		case kind == space || sql[:n] == ";":
		case sql[:n] == "(":
			depth++
			any = true
		case sql[:n] == ")":
			depth--
		case kind == word && depth <= 0:
			words = append(words, strings.ToUpper(sql[:n]))
		default:
			any = true
		}
		sql = sql[n:]
	}
	if len(words) == 0 && any {
		return []string{""}
	}
	return words
}

// withKind looks behind the common table expressions, whose bodies are in
// parentheses.
func withKind(words []string) Kind {
	for _, w := range words {
		if k := kinds[w]; k == Read || k == Write {
			return k
		}
	}
	return Other
}

func rollsBackTo(words []string) bool {
	if len(words) > 0 && words[0] == "TRANSACTION" {
		words = words[1:]
	}
	return len(words) > 0 && words[0] == "TO"
}

func contains(words []string, w string) bool {
	for _, x := range words {
		if x == w {
			return true
		}
	}
	return false
}

// Outside returns what in a text, which may be several statements, opens another
// file than the database's: "ATTACH" or "VACUUM INTO". Empty: nothing does.
func Outside(sql string) string {
	var statement []string
	for len(sql) > 0 {
		kind, n := next(sql)
		token := sql[:n]
		sql = sql[n:]
		switch {
		case kind == space:
			continue
		case kind == word:
			token = strings.ToUpper(token)
		case token == ";":
			if what := opens(statement); what != "" {
				return what
			}
			statement = statement[:0]
			continue
		}
		statement = append(statement, token)
	}
	return opens(statement)
}

// opens is Outside for the tokens of one statement.
func opens(tokens []string) string {
	if len(tokens) == 0 {
		return ""
	}
	switch rest := tokens[1:]; tokens[0] {
	case "VACUUM":
		if contains(rest, "INTO") {
			return "VACUUM INTO"
		}
	case "ATTACH":
		if len(rest) > 0 && rest[0] == "DATABASE" {
			rest = rest[1:]
		}
		if len(rest) < 2 || !noFile[rest[0]] || rest[1] != "AS" { // an expression may name any file
			return "ATTACH"
		}
	}
	return ""
}

// noFile are the names of databases in no file. One in memory with a shared cache
// is not among them: what runs here side by side would share it.
var noFile = map[string]bool{"':memory:'": true, `":memory:"`: true, "''": true, `""`: true}

// Assigns reports whether a PRAGMA sets something rather than asking for it, so
// that it belongs to the session it runs in.
func Assigns(sql string) bool { return strings.ContainsAny(sql, "=(") }

// PragmaName is what a PRAGMA sets or asks for, in lower case and without its
// schema.
func PragmaName(sql string) string {
	if i := strings.IndexAny(sql, "=(;"); i >= 0 {
		sql = sql[:i]
	}
	words := outerWords(sql)
	if len(words) == 0 {
		return ""
	}
	return strings.ToLower(words[len(words)-1])
}
