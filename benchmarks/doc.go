// Package benchmarks measures cacheops against yardsticks taken in the same
// run, so that its figures are ratios and mean something on any machine.
//
// What does not depend on the clock (hit ratios, bytes per entry, allocations)
// is asserted by tests. What does is reported by benchmarks, in the unit "x":
//
//	go test -bench . ./...
package benchmarks
