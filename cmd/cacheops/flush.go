package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

type flushCommand struct {
	redisFlags
	Yes  bool `short:"y" help:"Do not ask for confirmation."`
	JSON bool `name:"json" help:"Print what was deleted as one JSON object."`
}

// flushed is what --json prints.
type flushed struct {
	Keys int `json:"keys"`
}

// Run is called by the parser.
func (c *flushCommand) Run(ctx context.Context, e *env) (err error) {
	store, err := c.store()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if !c.Yes {
		if err := e.confirm(ctx, "delete every key of the cache from its Redis"); err != nil {
			return err
		}
	}
	// How many keys there are only a walk over all of them tells.
	bar := newProgress(e, "flush", -1, false)
	n, err := store.Flush(ctx, func(deleted int) { bar.step("keys " + count(deleted)) })
	bar.finish()
	if err != nil && n == 0 {
		return err
	}
	return errors.Join(err, c.print(e, n))
}

func (c *flushCommand) print(e *env, n int) error {
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(flushed{n})
	}
	_, err := fmt.Fprintf(e.stdout, "keys       %s\n", count(n))
	return err
}
