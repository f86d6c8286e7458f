package sqldep

import "strings"

// plainVariable returns the name of MySQL's system variable without @@ and the
// scope; a user's variable keeps its @.
func plainVariable(text string) string {
	name := strings.ToLower(text)
	if !strings.HasPrefix(name, "@@") {
		return name
	}
	name = name[2:]
	for _, scope := range [...]string{"session.", "local.", "global.", "persist.", "persist_only."} {
		name = strings.TrimPrefix(name, scope)
	}
	return strings.Trim(name, "`")
}

// globalVariable reports whether a variable is the server's, not the session's.
func globalVariable(text string) bool {
	name := strings.ToLower(text)
	return strings.HasPrefix(name, "@@global") || strings.HasPrefix(name, "@@persist")
}
