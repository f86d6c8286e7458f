package cacheops

import "errors"

// ErrOutcomeUnknown says that it is not known whether a transaction committed:
// the connection was lost, or the call cancelled, while COMMIT ran. What the
// transaction touched is not cached until the database has proved that it is
// over.
var ErrOutcomeUnknown = errors.New("cacheops: the outcome of the commit is unknown")

// ErrStore says that the store could not be told of a write before its commit,
// and that the write was therefore not committed.
var ErrStore = errors.New("cacheops: the store could not be told of the write")

// ErrClosed says that the cache is closed.
var ErrClosed = errors.New("cacheops: the cache is closed")

// ErrUnknownTable says that no attached database has a table of that name.
var ErrUnknownTable = errors.New("cacheops: no such table")
