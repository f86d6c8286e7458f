// Package functions holds the tests of functions over real databases: what an
// adapter tells them, and random programs of functions that call each other,
// judged by the bare database.
package functions
