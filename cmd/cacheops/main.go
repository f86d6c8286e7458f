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
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // the second ends it at once
	// Who reads the report may stop. That is an error of writing and no end on the
	// spot, which would leave the copies of databases behind.
	signal.Ignore(syscall.SIGPIPE)
	e := &env{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		live: term.IsTerminal(int(os.Stderr.Fd())),
	}
	code := e.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
