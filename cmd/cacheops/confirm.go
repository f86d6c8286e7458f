package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

var errUnconfirmed = errors.New("not confirmed, so nothing was dropped (--yes does not ask)")

// confirm asks before something that makes every process start with nothing.
func (e *env) confirm(what string) error {
	fmt.Fprintf(e.stderr, "About to %s, for every process. Type yes: ", what)
	answer, err := bufio.NewReader(e.stdin).ReadString('\n')
	if strings.TrimSpace(answer) == "yes" {
		return nil
	}
	if err != nil {
		fmt.Fprintln(e.stderr)
	}
	return errUnconfirmed
}
