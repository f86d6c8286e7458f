package cacheops

import "time"

type Ops uint8

const (
	Get Ops = 1 << iota
	Fetch
	Count
	Exists
	Aggregate

	All = Get | Fetch | Count | Exists | Aggregate
)

type Cache struct{}
type Config struct{ Rules []Rule }
type Rule struct {
	Tables string
	Ops    Ops
	TTL    time.Duration
}
type Target struct{}
