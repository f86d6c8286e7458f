package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// env is what a command sees of the world: its data goes to stdout, its talk to
// stderr.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// live: stderr is a terminal, which may show progress.
	live bool
}

// The exit statuses besides 0.
const (
	exitDifferent = 1 // an answer through the cache was not the bare database's
	exitError     = 2 // the command could not do what it was asked for
)

type commands struct {
	Explain    explainCommand    `cmd:"" help:"Say what the cache makes of a statement: op, rule, cacheable or why not, what it depends on, and what was widened."`
	Invalidate invalidateCommand `cmd:"" help:"Drop what is cached of a table, of rows, or of everything, for every process that shares a Redis."`
	Flush      flushCommand      `cmd:"" help:"Delete every key of a cache from its Redis, values set by name included."`
	CleanFiles cleanCommand      `cmd:"" help:"Remove what has expired from the directory of a filestore."`
	Replay     replayCommand     `cmd:"" help:"Run a query log against a copy of a SQLite database through the cache, and report what caching would do."`
	Demo       demoCommand       `cmd:"" help:"Run a made-up shop's workload through the cache, verified, and report speed, hits and precision."`
}

// errDifferent ends a command whose report has told already what is wrong.
var errDifferent = errors.New("answers differ from the bare database's")

// run parses and runs one command line and returns the exit status.
func (e *env) run(ctx context.Context, args []string) int {
	var cmds commands
	exited := -1
	parser, err := kong.New(&cmds,
		kong.Name("cacheops"),
		kong.Description("A query cache that is never stale."),
		kong.Writers(e.stdout, e.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(e),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		return e.fail(err)
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help has been answered
		return exited
	case err != nil:
		return e.fail(err)
	}
	switch err := parsed.Run(); {
	case errors.Is(err, errDifferent):
		if err.Error() != errDifferent.Error() { // nor did it come to its end
			e.fail(err)
		}
		return exitDifferent
	case err != nil:
		return e.fail(err)
	}
	return 0
}

func (e *env) fail(err error) int {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(e.stderr, "cacheops: %s\n", strings.TrimPrefix(err.Error(), "cacheops: ")) // as the library's begin
	return exitError
}
