package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/cmd/cacheops/internal/querylog"
	"github.com/cacheops/cacheops/cmd/cacheops/internal/replay"
)

type replayCommand struct {
	DB        string   `required:"" name:"db" placeholder:"FILE" help:"The SQLite database, as it was when the log began. It is copied and never touched."`
	Log       string   `required:"" placeholder:"FILE" help:"The log: statements ended by ';', or JSON lines {\"session\":1,\"sql\":\"…\",\"args\":[…]}; '-' is standard input."`
	Format    string   `enum:"auto,sql,json" default:"auto" help:"The log's format: auto (by the name's ending, else by the first character), sql or json."`
	Rules     string   `placeholder:"FILE" help:"Rules as JSON: {\"rules\":[{\"tables\":\"*\",\"ops\":[\"all\"],\"ttl\":\"1h\"}]}. Without, every read is cached for an hour."`
	Verify    bool     `help:"Compare every cached answer with the bare database; exit status 1 if one differs."`
	Sessions  int      `default:"1" placeholder:"N" help:"Spread statements that name no session over N sessions, transactions kept together."`
	Pragma    []string `placeholder:"NAME=VALUE" help:"Set on every connection, as the program does (foreign_keys=1). May be repeated."`
	Cache     int64    `default:"256" placeholder:"MB" help:"Memory for cached results, in megabytes."`
	Precision bool     `default:"true" negatable:"" help:"Find out what each write drops and whether it had to. Takes longer the more is cached: --no-precision for large logs."`
	KeepGoing bool     `help:"Report lines of the log that cannot be read, and go on."`
	JSON      bool     `name:"json" help:"Print the report as one JSON object."`
}

// Run is called by the parser.
func (c *replayCommand) Run(ctx context.Context, e *env) (err error) {
	if c.Sessions < 1 {
		return fmt.Errorf("--sessions: %d is less than one", c.Sessions)
	}
	if c.Cache < 1 {
		return fmt.Errorf("--cache: %d is less than one", c.Cache)
	}
	rules, err := c.rules()
	if err != nil {
		return err
	}
	log, size, err := c.open(ctx, e)
	if err != nil {
		return err
	}
	defer log.Close()
	dir, err := os.MkdirTemp("", "cacheops-replay-")
	if err != nil {
		return fmt.Errorf("make a directory for the copy: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path, err := replay.CopyDatabase(ctx, c.DB, dir)
	if err != nil {
		return err
	}
	return c.replay(ctx, e, path, rules, log, size)
}

// replay runs the log. A bad line or an interrupt still gets the report of what
// ran before it.
func (c *replayCommand) replay(ctx context.Context, e *env, path string, rules []cacheops.Rule, log io.Reader, size int64) error {
	bar := newProgress(e, "replay", size, true)
	reader, err := querylog.NewReader(bar.reader(log), querylog.Format(c.Format), c.Log)
	if err != nil {
		return err
	}
	report, err := replay.Run(ctx, path, reader, replay.Config{
		Rules: rules, Verify: c.Verify, Sessions: c.Sessions, Pragmas: c.Pragma,
		CacheBytes: c.Cache << 20, NoPrecision: !c.Precision, KeepGoing: c.KeepGoing, Progress: bar.show,
		OnBadLine: func(b *querylog.LineError) {
			bar.clear()
			fmt.Fprintf(e.stderr, "%s: %v\n", c.Log, b)
		},
	})
	bar.finish()
	var bad *querylog.LineError
	switch {
	case errors.As(err, &bad):
		err = fmt.Errorf("%s: %w (--keep-going passes over it)", c.Log, err)
	case err != nil && !report.Interrupted:
		return err
	}
	return errors.Join(err, printReport(e.stdout, report, c.JSON))
}

func (c *replayCommand) rules() ([]cacheops.Rule, error) {
	if c.Rules == "" {
		return nil, nil
	}
	return readRules(c.Rules)
}

// open returns the log and its size in bytes, -1 if that is not known.
func (c *replayCommand) open(ctx context.Context, e *env) (io.ReadCloser, int64, error) {
	if c.Log == "-" {
		return interruptible(ctx, e.stdin), -1, nil
	}
	f, err := os.Open(c.Log)
	if err != nil {
		return nil, 0, fmt.Errorf("open log: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", c.Log)
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open log: %w", err), f.Close())
	}
	if !info.Mode().IsRegular() {
		return interruptible(ctx, f), -1, nil // closed with the process
	}
	return f, info.Size(), nil
}
