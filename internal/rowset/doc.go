// Package rowset records the rows of a result once and replays them any number
// of times.
package rowset
