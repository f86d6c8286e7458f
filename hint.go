package cacheops

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// hint is what comments in a statement's text say of it, as [With] does under a
// context. It is read once per text, and for a hit has become part of the query.
//
// The text is part of every key. So two texts that differ in their hints share no
// entry, and extra needs no place here.
type hint struct {
	given bool
	ops   Ops
	ttl   time.Duration
	anew  bool // writeonly
	fresh bool
	off   string // why the read is not cached, empty if it is
	flaw  string // what is wrong with the hint, for explanations
}

// What a read is told that is not cached by its hint. They are few, because reasons
// are counted.
const (
	offHint       = "a hint says off"
	malformedHint = "malformed hint"
)

// readHints reads all of a text's hints as one. What it cannot read could be a
// misspelt off, so that such a read is not cached at all. It is no error: without
// the cache the statement would run, and a comment must not keep it from that.
func readHints(said []string) hint {
	h := hint{given: len(said) > 0}
	seen := map[string]bool{}
	for _, s := range said {
		if err := h.read(s, seen); err != nil {
			return hint{given: true, off: malformedHint, flaw: err.Error()}
		}
	}
	if h.off != "" && len(seen) > 1 {
		return hint{given: true, off: malformedHint, flaw: "off and other words exclude each other"}
	}
	return h
}

func (h *hint) read(said string, seen map[string]bool) error {
	words, ok := strings.CutPrefix(strings.TrimSpace(said), ":")
	if !ok {
		return errors.New("there is no colon after cacheops")
	}
	list := strings.Fields(words)
	if len(list) == 0 {
		return errors.New("it says nothing")
	}
	for _, w := range list {
		name, value, valued := strings.Cut(w, "=")
		name = strings.ToLower(name)
		if seen[name] {
			return fmt.Errorf("%s stands there twice", name)
		}
		if err := h.word(name, value, valued); err != nil {
			return err
		}
		seen[name] = true
	}
	return nil
}

func (h *hint) word(name, value string, valued bool) (err error) {
	switch name {
	case "ttl", "ops", "extra":
		if value == "" {
			return fmt.Errorf("%s has no value", name)
		}
	case "on", "off", "writeonly", "fresh":
		if valued {
			return fmt.Errorf("%s takes no value", name)
		}
	}
	switch name {
	case "on", "extra":
	case "off":
		h.off = offHint
	case "writeonly":
		h.anew = true
	case "fresh":
		h.fresh = true
	case "ops":
		if h.ops, err = ParseOps(value); err == nil && h.ops == 0 {
			err = errors.New("ops names none")
		}
	case "ttl":
		if h.ttl, err = time.ParseDuration(value); err == nil && h.ttl <= 0 {
			err = fmt.Errorf("a ttl of %v is no time", h.ttl)
		}
	default:
		err = fmt.Errorf("%q is none of on, off, ttl=, ops=, extra=, writeonly, fresh", name)
	}
	return err
}

// heed puts a hint in the place of what the rules have said.
func (q *Query) heed(h hint) {
	q.hint = h
	if !h.given {
		return
	}
	q.auto = h.ops == 0 || h.ops&q.Op != 0
	q.anew = h.anew
	q.fresh = q.fresh || h.fresh
	if h.ttl > 0 {
		q.ttl = h.ttl
	}
}
