module github.com/cacheops/cacheops/examples

go 1.26.0

require github.com/cacheops/cacheops v0.0.0

replace github.com/cacheops/cacheops => ../
