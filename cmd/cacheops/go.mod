module github.com/cacheops/cacheops/cmd/cacheops

go 1.26.0

require github.com/cacheops/cacheops v0.0.0

replace github.com/cacheops/cacheops => ../..
