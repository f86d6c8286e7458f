package sqldep

// split cuts the tokens of a text into those of its statements, the empty ones
// left out. The semicolons inside a trigger's body do not end it.
func split(toks []token) [][]token {
	var parts [][]token
	start := 0
	for i := range toks {
		if !toks[i].is(sSemi) || isTrigger(toks[start:i]) && !endsTrigger(toks[start:i]) {
			continue
		}
		if i > start {
			parts = append(parts, toks[start:i])
		}
		start = i + 1
	}
	if start < len(toks) {
		parts = append(parts, toks[start:])
	}
	return parts
}

// isTrigger reports whether a statement begins as CREATE [TEMP] TRIGGER does.
func isTrigger(toks []token) bool {
	if len(toks) < 3 || toks[0].word != kCreate {
		return false
	}
	i := 1
	if toks[i].word == kTemp || toks[i].word == kTemporary {
		i++
	}
	return toks[i].word == kTrigger
}

// endsTrigger reports whether the body of a trigger ends with these tokens:
// its END follows a semicolon, unlike that of a CASE.
func endsTrigger(toks []token) bool {
	n := len(toks)
	return toks[n-1].word == kEnd && toks[n-2].is(sSemi)
}

// compound reports whether a statement of PostgreSQL or MySQL begins a routine,
// whose body may hold semicolons: where it ends nobody can tell.
func compound(toks []token) bool {
	switch toks[0].word {
	case kCreate, kAlter:
		for i := range toks {
			switch toks[i].word {
			case kProcedure, kTrigger, kFunction, kEvent, kRule, kPackage:
				return true
			}
		}
	case kBegin:
		return len(toks) > 2 && toks[1].word == kNot
	}
	return false
}
