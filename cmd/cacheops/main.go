// Command cacheops shows what the query cache does for a program: on its own
// database and query log (replay), or on a shop that it makes up (demo).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		live: term.IsTerminal(int(os.Stderr.Fd())),
	}
	code := e.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
