// Package fuzz is the judge of cacheops on SQLite, PostgreSQL and MySQL: it makes
// random schemas, statements and interleaved writers, and compares every answer
// that came through the cache with the bare database's. A dialect is what the
// generator knows of one of them.
//
// It works in two modes. The deterministic one (Generate, Run) executes a
// Script of several sessions one statement after the other, on two databases at
// once: one behind the engine under test, one bare. Every result, error and
// affected count must agree. A script that fails is shrunk and printed; it is a
// text that a regression test replays. On a server ([Server]) there is one
// database and no twin: sessions of several pools, drivers and settings write to
// it through caches over one store, and each of their reads outside a transaction
// is compared with the same read on a bare connection that has the same session.
// That needs reads whose result no order decides that SQL does not promise. Among
// its random steps are scenes, each a write aimed at reads that are cached.
//
// The concurrent one (Race) lets readers and writers loose on one database.
// They only record; Judge then asks of every read whether its result was true
// at some moment between its call and its return.
package fuzz
