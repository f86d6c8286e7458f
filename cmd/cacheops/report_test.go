package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/cacheops/cacheops/cmd/cacheops/internal/replay"
)

// What differs is listed, in both forms, and makes the command fail.
func TestReportOfDifferences(t *testing.T) {
	r := &replay.Report{
		DidVerify: true, Stale: 1, ErrorsOnly: 2,
		Differences: []replay.Difference{{Line: 7, Session: "3", SQL: "SELECT 1", Kind: "hit", What: "other columns"}},
	}
	var text, object bytes.Buffer
	if err := printReport(&text, r, false); !errors.Is(err, errDifferent) {
		t.Errorf("text: %v", err)
	}
	if err := printReport(&object, r, true); !errors.Is(err, errDifferent) {
		t.Errorf("JSON: %v", err)
	}
	for _, want := range []string{"line 7, session 3 (hit): other columns", "and 2 more", "stale "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if !strings.Contains(object.String(), `"what": "other columns"`) {
		t.Errorf("JSON:\n%s", object.String())
	}
}

func TestPrintReportFails(t *testing.T) {
	full := errors.New("disk full")
	if err := printReport(failing{full}, &replay.Report{}, false); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestFormat(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(1234567): "1,234,567", count(-1234): "-1,234",
		percent(1, 3): "33.3%", percent(1, 0): "–",
		span(0.0000012): "1.2µs", span(0.0123): "12.3ms", span(75): "1m15s",
		times(10, 4): "2.5× as fast", times(100, 4): "25× as fast", times(0, 1): "",
		plural(1, "row"): "1 row", plural(1200, "row"): "1,200 rows",
		shorten("SELECT\n\t1"): "SELECT 1",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// On a terminal there is a bar, which names what goes on.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	bar := newProgress(&env{stderr: &out, live: true}, "demo", 10, false)
	bar.show(&replay.Report{Verified: 1234, Hits: 1, Misses: 1, DidVerify: true})
	bar.finish()
	if !strings.Contains(out.String(), "hits 50.0%  drops 0  verified 1,234  stale 0") {
		t.Errorf("drew %q", out.String())
	}
	out.Reset()
	bar = newProgress(&env{stderr: &out}, "demo", 10, false)
	bar.show(&replay.Report{})
	bar.finish()
	if out.Len() > 0 {
		t.Errorf("drew %q into a pipe", out.String())
	}
}
