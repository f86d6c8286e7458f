package cacheops

import "context"

// Hooks observe a cache. Each may be nil. They may be called from many
// goroutines, the caller's and the cache's own, and hold up what they observe,
// so they must be quick; they may not call the cache.
type Hooks struct {
	// Hit: a read was answered from the cache.
	Hit func(ctx context.Context, e ReadEvent)
	// Miss: the cache was asked and had no answer.
	Miss func(ctx context.Context, e ReadEvent)
	// Bypass: a read went to the database without asking; e.Why says why.
	Bypass func(ctx context.Context, e ReadEvent)
	// Stored: a missed read's result was kept.
	Stored func(ctx context.Context, e ReadEvent)
	// Refused: a missed read's result was not kept; e.Why says why.
	Refused func(ctx context.Context, e ReadEvent)
	// Change: a transaction is about to commit changes to a table (an empty
	// table: anything in the database).
	Change func(ctx context.Context, e ChangeEvent)
	// Drop: the tags of those changes were dropped, before the commit (with
	// Config.DegradeOnFailure perhaps long after it).
	Drop func(ctx context.Context, e DropEvent)
	// Error: the store failed where no caller could be told.
	Error func(ctx context.Context, err error)
}

// ReadEvent describes a read, or a call of a function ([NewFunc]), of which it
// has nothing but the name ("memo" for those of [Memo]) and why.
type ReadEvent struct {
	Function  string
	Database  string
	Table     string // the main table
	Op        Ops
	Statement string
	Why       string
}

// ChangeEvent describes a change of a table.
type ChangeEvent struct {
	Database string
	Table    string
	Rows     int // row images, old and new; 0 where they are not known
}

// DropEvent describes the drop of a table's tags.
type DropEvent struct {
	Database string
	Table    string
	Tags     int
	// Whole says that the table's own tag was among them, and so every entry
	// that reads the table is dropped.
	Whole bool
}
