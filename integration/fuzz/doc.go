// Package fuzz is the judge of cacheops on SQLite: it makes random schemas,
// statements and interleaved writers, and compares every answer that came
// through the cache with the bare database's.
//
// It works in two modes. The deterministic one (Generate, Run) executes a
// Script of several sessions one statement after the other, on two databases at
// once: one behind the engine under test, one bare. Every result, error and
// affected count must agree. A script that fails is shrunk and printed; it is a
// text that a regression test replays.
//
// The concurrent one (Race) lets readers and writers loose on one database.
// They only record; Judge then asks of every read whether its result was true
// at some moment between its call and its return.
package fuzz
