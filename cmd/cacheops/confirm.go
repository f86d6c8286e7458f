package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
)

var errUnconfirmed = errors.New("not confirmed, so nothing was dropped (--yes does not ask)")

// confirm asks before something that makes every process start with nothing.
func (e *env) confirm(ctx context.Context, what string) error {
	fmt.Fprintf(e.stderr, "About to %s, for every process. Type yes: ", what)
	in := interruptible(ctx, e.stdin)
	defer in.Close()
	answer, err := bufio.NewReader(in).ReadString('\n')
	if strings.TrimSpace(answer) == "yes" {
		return nil
	}
	if err != nil {
		fmt.Fprintln(e.stderr)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errUnconfirmed
}
