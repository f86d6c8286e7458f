# Every target works from a clean checkout with Go and a network alone.

.DEFAULT_GOAL := help
SHELL := /bin/bash

# The modules in the order they are built on each other. One that has no Go
# file yet is passed over: the go command calls that an error.
ALL_MODULES := . benchmarks cmd/cacheops examples examples/orms gonjacache gormcache integration oracles pgxcache pongocache redisstore templcache
MODULES := $(shell for m in $(ALL_MODULES); do [ -z "$$(find $$m -name '*.go' -print -quit)" ] || echo $$m; done)

# Exact versions: a linter that moves by itself breaks builds by itself.
GOLANGCI_VERSION := 2.15.0
GOFUMPT_VERSION := 0.12.0
BIN := $(CURDIR)/bin

FUZZTIME ?= 5m
SEED ?= 0
ON ?=
DURATION ?= 5m
BENCH ?= .
BENCHCOUNT ?= 1
TESTFLAGS ?=

# each runs a command in every module, all of them even if one fails.
define each
	@rc=0; for m in $(MODULES); do echo "== $$m: $(1)"; (cd $$m && $(1)) || rc=1; done; exit $$rc
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## a shop database through the cache: speed, hits, precision, stale answers (none)
	@cd cmd/cacheops && go run . demo

# In one command, so that no module waits for the slowest package of another, with
# the slowest first. Many tests wait for servers and not for a processor, hence one
# package more at a time than the two cores that there are at least.
.PHONY: test
test: ## all tests of all modules
	go test -p 3 -timeout 40m $(TESTFLAGS) ./integration/fuzz $(MODULES:%=./%/...)

.PHONY: race
race: ## all tests under the race detector
	$(call each,go test -race $(TESTFLAGS) ./...)

.PHONY: fuzz
fuzz: ## compare cached reads with the bare database: FUZZTIME=5m SEED=0 (fresh) ON= (SQLite), Postgres or MySQL
	cd integration && go test ./fuzz -count 1 -timeout 0 -v -run 'Test$(ON)(Reads|Races)/fresh' -fuzz.duration $(FUZZTIME) -fuzz.seed $(SEED)

.PHONY: chaos
chaos: ## bend Redis and the processes that share it, and judge: DURATION=5m a test SEED=0 (fresh)
	cd integration && go test ./chaos -count 1 -timeout 0 -v -chaos.duration $(DURATION) -chaos.seed $(SEED)

.PHONY: bench
bench: ## the benchmarks: BENCH=regexp BENCHCOUNT=1
	cd benchmarks && go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(BENCHCOUNT) ./...

.PHONY: lint
lint: tools ## formatting and golangci-lint in every module
	@out=$$($(BIN)/gofumpt -l .); [ -z "$$out" ] || { echo "not formatted by gofumpt:"; echo "$$out"; exit 1; }
	$(call each,$(BIN)/golangci-lint run ./...)

# tools puts the linters into bin/, from the GOBIN of this machine if it has
# the right versions: golangci-lint takes minutes to build.
.PHONY: tools
tools:
	@.ci/tool golangci-lint $(GOLANGCI_VERSION) github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@.ci/tool gofumpt $(GOFUMPT_VERSION) mvdan.cc/gofumpt

.PHONY: tidy
tidy: ## go mod tidy in every module
	@for m in $(ALL_MODULES); do (cd $$m && GOWORK=off go mod tidy) || exit 1; done
