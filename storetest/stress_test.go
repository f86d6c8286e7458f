package storetest

import "testing"

func TestStalest(t *testing.T) {
	changes := []change{{row: 0, value: 1, from: 10, to: 12}, {row: 0, value: 2, from: 20, to: 22}}
	for _, c := range []struct {
		name  string
		hit   event
		stale bool
	}{
		{"the first version before any change", event{value: 0, from: 1, to: 2}, false},
		{"the first version while it is overwritten", event{value: 0, from: 11, to: 13}, false},
		{"the first version after it was overwritten", event{value: 0, from: 13, to: 14}, true},
		{"a version while it is made", event{value: 1, from: 8, to: 11}, false},
		{"a version before it is made", event{value: 1, from: 8, to: 9}, true},
		{"a version long gone", event{value: 1, from: 30, to: 31}, true},
		{"a version that never was", event{value: 7, from: 30, to: 31}, true},
		{"the last version", event{value: 2, from: 30, to: 31}, false},
		{"another row", event{row: 1, value: 0, from: 30, to: 31}, false},
	} {
		h := history{hits: []event{c.hit}, changes: changes}
		if got := h.stalest(); (got != "") != c.stale {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
