package sqlcache

// plans are statements by their texts, bounded in number and in bytes: a program
// that writes its values into its texts makes long ones without end, each for one
// use. The zero plans are empty.
type plans struct {
	byText map[string]*statement
	bytes  int // of the texts
}

const (
	// bytesPerPlan is what texts may take on average, as a planner has it.
	bytesPerPlan = 4 << 10
	// planShare is the part of all that one text may take.
	planShare = 8
)

// full reports whether there is no room for one more of so many.
func (p *plans) full(most int) bool { return len(p.byText) >= most || p.bytes >= most*bytesPerPlan }

// keep keeps a statement, one of so many, and reports whether it did.
func (p *plans) keep(st *statement, most int) bool {
	if len(st.text) > most*bytesPerPlan/planShare {
		return false
	}
	if p.byText == nil {
		p.byText = make(map[string]*statement)
	}
	p.byText[st.text] = st
	p.bytes += len(st.text)
	return true
}
