package cacheops

import (
	"fmt"
	"strings"
)

// Ops is a set of kinds of reads.
type Ops uint8

// The kinds of reads.
const (
	Get       Ops = 1 << iota // at most one row: by a whole unique key, or LIMIT 1
	Fetch                     // rows
	Count                     // SELECT count(…) alone
	Exists                    // SELECT EXISTS (…), or SELECT 1 … LIMIT 1
	Aggregate                 // other aggregates and groups

	All = Get | Fetch | Count | Exists | Aggregate
)

var opNames = [...]string{"get", "fetch", "count", "exists", "aggregate"}

// String lists the kinds, separated by commas.
func (o Ops) String() string {
	if o == All {
		return "all"
	}
	var names []string
	for i, n := range opNames {
		if o&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}

// ParseOps reads a list as String writes it; an empty one is no kinds at all.
func ParseOps(list string) (Ops, error) {
	var ops Ops
next:
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "":
			continue
		case "all":
			ops |= All
			continue
		}
		for i, n := range opNames {
			if n == name {
				ops |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("parse ops: %q is none of %s, all", name, strings.Join(opNames[:], ", "))
	}
	return ops, nil
}
