module github.com/cacheops/cacheops/oracles

go 1.26.0

require (
	github.com/cacheops/cacheops v0.0.0
	github.com/sqlc-dev/marino v0.3.1
	github.com/sqlc-dev/meyer v0.1.2
	github.com/sqlc-dev/oliphant v0.2.0
	google.golang.org/protobuf v1.36.12
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	golang.org/x/text v0.19.0 // indirect
)

replace github.com/cacheops/cacheops => ../
