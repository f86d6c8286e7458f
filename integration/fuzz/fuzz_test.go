package fuzz

import (
	"context"
	"strings"
	"testing"
)

func TestBareAgreesWithItself(t *testing.T) {
	var fig Figures
	for seed := range uint64(20) {
		s, err := Generate(seed, Size{})
		if err != nil {
			t.Fatal(err)
		}
		if err := Run(context.Background(), s, Bare, &fig); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		back, err := Parse(strings.NewReader(s.String()))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if back.String() != s.String() {
			t.Fatalf("seed %d: the script did not survive its text", seed)
		}
	}
	t.Log("\n" + fig.String())
}

func TestBareRace(t *testing.T) {
	for seed := range uint64(5) {
		h, err := Race(context.Background(), seed, RaceSize{}, Bare)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("seed %d: %d reads, %d writes", seed, len(h.Seen), len(h.Attempts))
		if err := Judge(h); err != nil {
			t.Error(err)
		}
	}
}
