module github.com/cacheops/cacheops/benchmarks

go 1.26.0

require github.com/cacheops/cacheops v0.0.0

replace github.com/cacheops/cacheops => ../
