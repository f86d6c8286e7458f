module github.com/cacheops/cacheops/pongocache

go 1.26.0

require (
	github.com/cacheops/cacheops v0.0.0
	github.com/flosch/pongo2/v6 v6.0.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/fxamacker/cbor/v2 v2.9.0 // indirect
	github.com/maypok86/otter/v2 v2.4.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
)

replace github.com/cacheops/cacheops => ../
