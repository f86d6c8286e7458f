// Package trial is what the tests of an adapter on one database share: a World
// with a cache over it, reads that are compared with the bare database, and
// client processes that are killed and frozen.
package trial
