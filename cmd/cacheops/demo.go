package main

import "context"

type demoCommand struct {
	JSON bool `name:"json" help:"Print the report as one JSON object."`
}

// Run is called by the parser.
func (c *demoCommand) Run(ctx context.Context, e *env) error { return nil }
