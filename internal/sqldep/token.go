package sqldep

// token is one token of a text: offsets, no copy.
type token struct {
	kind     tokenKind
	word     keyword // for tWord, if it is a keyword in any dialect
	op       symbol  // for tOp
	pos, end int32
}

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	tEnd    tokenKind = iota // the text's end
	tWord                    // a bare name or keyword
	tQuoted                  // "name", `name`, [name]
	tString                  // 'text', N'text', $tag$text$tag$, on MySQL "text"
	tEscape                  // E'text', and strings whose backslashes count
	tBlob                    // x'00'
	tInt                     // digits, perhaps hexadecimal or with _
	tFloat                   // a number with a point or an exponent
	tParam                   // ?, ?1, :a, @a, $a, $1
	tVar                     // MySQL's @a and @@a
	tOp                      // an operator or punctuation
	tBad                     // an illegal character, or a quote without its end
)

// symbol is an operator or a punctuation mark.
type symbol uint8

const (
	sOther symbol = iota // an operator that means nothing to the parser
	sLParen
	sRParen
	sComma
	sSemi
	sDot
	sStar
	sPlus
	sMinus
	sSlash
	sPercent
	sEq
	sNe
	sLt
	sLe
	sGt
	sGe
	sNullEq
	sConcat
	sAmp
	sPipe
	sAndAnd
	sShiftL
	sShiftR
	sTilde
	sBang
	sArrow
	sArrowText
	sCast   // ::
	sAssign // :=
	sCaret
	sColon
	sLBracket
	sRBracket
)

// names reports whether the token may be a name: of a table, say. SQLite takes
// a string for a name where only a name can stand.
func (t *token) names() bool {
	switch t.kind {
	case tWord, tQuoted, tString, tEscape:
		return true
	}
	return false
}

func (t *token) is(s symbol) bool { return t.kind == tOp && t.op == s }
