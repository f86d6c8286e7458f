module github.com/cacheops/cacheops/gormcache

go 1.26.0

require (
	github.com/cacheops/cacheops v0.0.0
	github.com/maypok86/otter/v2 v2.4.0
	gorm.io/gorm v1.31.2
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/fxamacker/cbor/v2 v2.9.0 // indirect
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/text v0.20.0 // indirect
)

replace github.com/cacheops/cacheops => ../
