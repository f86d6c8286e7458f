package cacheops

import (
	"context"
	"errors"
	"time"

	"github.com/cacheops/cacheops/internal/dep"
)

// A Store keeps entries, and per table the registry of shapes, the stamps of
// tags, and the intents of writers. It is the shared memory of the protocol:
// what it promises here is all that correctness rests on. Package storetest
// holds the suite that every implementation passes.
//
// All methods may be called from many goroutines. A method that returns an
// error has either done nothing or said otherwise below; ctx bounds the wait,
// and a store returns soon after ctx is done.
//
// Tables are named by opaque strings. Every table has the tag [TableTag], which
// every read of the table checks without listing it.
type Store interface {
	// Get returns the value kept under k if every tag it depends on still bears
	// the stamp that the entry saw, and [ErrMiss] otherwise. The value is
	// fetched first and the stamps compared after, or both in one atomic step.
	// An entry whose key is not k to the last byte is a miss.
	Get(ctx context.Context, k *Key) (Value, error)

	// Put keeps e under k for e.TTL. It may decline in silence: when e is too
	// large, or when one of its stamps is gone already.
	Put(ctx context.Context, k *Key, e *Entry) error

	// Delete forgets the entry under k, if there is one.
	Delete(ctx context.Context, k *Key) error

	// Registry returns a table's registered shapes.
	Registry(ctx context.Context, table string) (Registry, error)

	// Acquire registers the shapes of reads and returns a stamp for each tag,
	// making a fresh random one where there is none: atomically for each table.
	// The registration survives a refusal. See [Grant] for when it refuses.
	Acquire(ctx context.Context, reads []TableRead) (Grant, error)

	// Begin records, atomically for each table, that w is about to commit writes
	// there: it verifies that the registry (and the catalog version, where the
	// write names one) are still those the tags were computed from, deletes the
	// stamps of the tags and records w's intent on them. A table that fails the
	// verification is left as it was and returned in moved with its present
	// registry; the others are begun. The caller computes anew and calls Begin
	// again with the tables that moved.
	//
	// On an error any of the tables may or may not have been begun.
	Begin(ctx context.Context, w Writer, writes []TableWrite) (moved []Registry, err error)

	// End removes w's intents from the tables. It is called after a definite
	// commit, or a rollback that the database acknowledged, and never when the
	// outcome is unknown.
	End(ctx context.Context, w Writer, tables []string) error

	// Doubt declares that w's outcome is unknown: its intents go on refusing
	// fills, and are reported in [Grant.Doubts], until Clear. A store with
	// leases does so by itself when one runs out.
	Doubt(ctx context.Context, w Writer, tables []string) error

	// Clear removes the intents of a writer that the database has proved over.
	Clear(ctx context.Context, d Doubt) error

	// Close releases what the store holds and waits for its goroutines.
	Close() error
}

// ErrMiss says that there is no valid entry under a key.
var ErrMiss = errors.New("cacheops: no such entry")

// Key is what an entry is found by. Hash selects it, Text and Rest prove that
// it is the right one.
type Key struct {
	Hash uint64 // of Text and Rest, the same in every process
	Text string // the statement, after the database and the session it is mostly asked in
	Rest []byte // everything else: arguments, session, partition
	// Decode reads a value that Entry.Value.AppendBinary wrote, and keeps nothing
	// of its argument. Stores that keep values in the process do not need it.
	Decode func([]byte) (Value, error)
	// Fresh asks a store that may answer from what it was told earlier to make
	// certain instead. It is no part of what the entry is found by, and nothing
	// to a store that is always certain.
	Fresh bool
}

// Value is a cached result. It is immutable: a store and any number of readers
// share it.
type Value interface {
	// Size is the memory held, in bytes.
	Size() int
	// AppendBinary appends an encoding of the value for a store that keeps bytes.
	AppendBinary([]byte) ([]byte, error)
}

// Entry is one cached result with what it depends on.
type Entry struct {
	Value Value
	Deps  []Dep
	TTL   time.Duration // > 0
}

// Tag names what an entry depends on within a table. Tags are hashes and the
// same in every process; two that collide are dropped together.
type Tag = dep.Tag

// TableTag is the tag of a table as a whole.
const TableTag = dep.TableTag

// Stamp is a tag's current value, random and never used twice. The zero Stamp
// is none.
type Stamp uint64

// Dep is a tag and the stamp it bore when it was acquired.
type Dep struct {
	Table string
	Tag   Tag
	Stamp Stamp
}

// TableRead is one table's part of an acquire.
type TableRead struct {
	Table  string
	Shapes []ShapeTags
	// Catalog, if not zero, must equal the table's catalog version.
	Catalog uint64
	// TTL is how long the stamps are needed.
	TTL time.Duration
}

// ShapeTags is a shape, by its text, with the tags a read checks of it.
type ShapeTags struct {
	Shape string
	Tags  []Tag
}

// Grant is the answer to an acquire. It is refused when a writer's intent
// covers one of the tags, when a writer is in flight on one of the tables that
// began before one of the shapes was registered or that planned with an older
// catalog version, when a read's catalog version is not the present one, or
// when the store does not know who may be writing. The read still runs; its
// result is not kept.
type Grant struct {
	Refused Refusal
	// Deps holds, per table in the order asked, the table's tag and then the
	// tags of its shapes. Where Refused is set, stamps may be missing (zero),
	// and those present are only good for comparing, never for an entry.
	Deps []Dep
	// Doubts are the doubtful writers that caused the refusal.
	Doubts []Doubt
	// Catalog is the present catalog version of the last read that named one.
	Catalog uint64
}

// Refusal says why an acquire was refused.
type Refusal uint8

// The refusals.
const (
	Granted      Refusal = iota
	IntentHeld           // a writer is about to commit, or its outcome is in doubt
	ShapeUnseen          // a writer in flight had not seen a shape
	CatalogMoved         // the plan was made from an older catalog version, by the reader or by a writer in flight
	StateUnknown         // the store lost its state and cannot say who is writing
)

// String says why, as hooks and statistics report it.
func (r Refusal) String() string {
	switch r {
	case Granted:
		return "granted"
	case IntentHeld:
		return "a writer is committing"
	case ShapeUnseen:
		return "a writer in flight had not seen the shape"
	case CatalogMoved:
		return "the schema changed"
	}
	return "the store lost its state"
}

// Writer identifies one attempt to commit.
type Writer struct {
	ID uint64 // random, not zero
	// Proof is what is needed to find out whether this writer is over, should
	// its outcome be in doubt: in a store the database's name and then what the
	// adapter gave, for Backend.Prove the latter alone. It may be empty.
	Proof string
}

// Doubt is a writer whose outcome is unknown, on one table. A zero Writer.ID
// stands for every writer that may have begun before the store lost its state.
type Doubt struct {
	Table  string
	Writer Writer
	Epoch  uint64 // of the table's state in which the doubt arose
}

// TableWrite is one table's part of a Begin.
type TableWrite struct {
	Table string
	// Epoch and Version are those of the Registry that Tags were computed from.
	// With Unverified set they are not compared: the tags hold TableTag, which
	// covers every shape.
	Epoch, Version uint64
	Unverified     bool
	// Tags to drop. With TableTag among them the rest is moot. Without any the
	// write only registers as being in flight.
	Tags []Tag
	// Catalog, if not zero, is the version that the write's plan was made from;
	// it must equal the table's.
	Catalog uint64
	// BumpCatalog makes a new catalog version: the write is DDL. The writer's End
	// or Clear makes another, since a catalog read in between may be the old one.
	BumpCatalog bool
}

// Registry is what a store knows of a table's shapes.
type Registry struct {
	Table string
	// Epoch is random and new whenever the table's state was made anew.
	Epoch uint64
	// Version grows whenever a shape is added.
	Version uint64
	// Catalog is the table's catalog version; see TableWrite.BumpCatalog. It
	// is never zero.
	Catalog uint64
	Shapes  []string
}
