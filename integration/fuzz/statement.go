package fuzz

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// statement is a text with slots for values. It is executed many times: with
// other values, written as literals or bound.
type statement struct {
	d       *dialect
	text    strings.Builder
	slots   []slot
	class   string
	ordered bool
	id      bool // it inserts rows with rowids
	style   style
}

type slot struct {
	kind kind
	lit  bool // always written into the text
}

// style is how a statement's arguments are bound.
type style int

const (
	question style = iota
	numbered
	colon
	at
	dollar
	ordinal // $1, by place and not by name
)

const slotMark = '\x00'

func (s *statement) write(parts ...string) *statement {
	for _, p := range parts {
		s.text.WriteString(p)
	}
	return s
}

// hole adds a slot and returns the text that stands for it.
func (s *statement) hole(k kind, lit bool) string {
	s.slots = append(s.slots, slot{k, lit})
	return string(rune(slotMark)) + strconv.Itoa(len(s.slots)-1) + string(rune(slotMark))
}

// values takes a value for every slot.
func (s *statement) values(r *rand.Rand) []any {
	vs := make([]any, len(s.slots))
	for i, sl := range s.slots {
		vs[i] = s.d.value(r, sl.kind)
	}
	return vs
}

// bind writes the statement with these values.
func (s *statement) bind(values []any) (text string, args []any) {
	parts := strings.Split(s.text.String(), string(rune(slotMark)))
	var b strings.Builder
	for i, p := range parts {
		if i%2 == 0 {
			b.WriteString(p)
			continue
		}
		n, _ := strconv.Atoi(p)
		if s.slots[n].lit {
			b.WriteString(s.d.literal(values[n]))
			continue
		}
		place, arg := s.style.place(len(args)+1, values[n])
		args = append(args, arg)
		b.WriteString(place)
	}
	return b.String(), args
}

func (st style) place(n int, v any) (string, any) {
	name := fmt.Sprintf("p%d", n)
	switch st {
	case numbered:
		return "?" + strconv.Itoa(n), v
	case colon:
		return ":" + name, sql.Named(name, v)
	case ordinal:
		return "$" + strconv.Itoa(n), v
	case at:
		return "@" + name, sql.Named(name, v)
	case dollar:
		return "$" + name, sql.Named(name, v)
	}
	return "?", v
}
