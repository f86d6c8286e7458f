package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/cacheops/cacheops"
)

// rulesFile is the file of --rules:
//
//	{"rules": [
//	  {"tables": "users", "ops": ["get"], "ttl": "15m"},
//	  {"tables": "audit_*", "never": true},
//	  {"tables": "*", "ops": ["all"], "ttl": "1h"}
//	]}
type rulesFile struct {
	Rules []ruleLine `json:"rules"`
}

type ruleLine struct {
	Tables string   `json:"tables"`
	Ops    []string `json:"ops"`
	TTL    string   `json:"ttl"`
	Never  bool     `json:"never"`
}

func readRules(path string) ([]cacheops.Rule, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open rules: %w", err)
	}
	defer f.Close()
	rules, err := parseRules(f)
	if err != nil {
		return nil, fmt.Errorf("read rules %s: %w", path, err)
	}
	return rules, nil
}

func parseRules(in io.Reader) ([]cacheops.Rule, error) {
	var file rulesFile
	dec := json.NewDecoder(in)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("something follows the object")
	}
	if len(file.Rules) == 0 {
		return nil, errors.New("no rules")
	}
	rules := make([]cacheops.Rule, len(file.Rules))
	for i := range file.Rules {
		var err error
		if rules[i], err = file.Rules[i].rule(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return rules, nil
}

func (l *ruleLine) rule() (cacheops.Rule, error) {
	r := cacheops.Rule{Tables: l.Tables, Never: l.Never}
	ops, err := cacheops.ParseOps(strings.Join(l.Ops, ","))
	if err != nil {
		return r, err
	}
	r.Ops = ops
	if l.TTL != "" {
		if r.TTL, err = time.ParseDuration(l.TTL); err != nil {
			return r, fmt.Errorf("ttl: %w", err)
		}
	}
	return r, nil
}
