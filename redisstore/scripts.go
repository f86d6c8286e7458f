package redisstore

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"
)

// The scripts. Each runs on one table's keys, which lie in one slot, and so is
// one atomic step of the protocol. What they share is in front of each.
var (
	//go:embed lua/table.lua
	luaTable string
	//go:embed lua/open.lua
	luaOpen string
	//go:embed lua/registry.lua
	luaRegistry string
	//go:embed lua/acquire.lua
	luaAcquire string
	//go:embed lua/begin.lua
	luaBegin string
	//go:embed lua/finish.lua
	luaFinish string
	//go:embed lua/fetch.lua
	luaFetch string
	//go:embed lua/store.lua
	luaStore string
)

var (
	scriptRegistry = newScript(luaTable, luaOpen, luaRegistry)
	scriptAcquire  = newScript(luaTable, luaOpen, luaAcquire)
	scriptBegin    = newScript(luaTable, luaOpen, luaRegistry[:strings.Index(luaRegistry, mainMark)], luaBegin)
	scriptFinish   = newScript(luaTable, luaFinish)
	scriptFetch    = newScript(luaFetch)
	scriptStore    = newScript(luaStore)
)

// mainMark ends the part of a script that others use.
const mainMark = "-- main"

type script struct{ text, sha string }

func newScript(parts ...string) *script {
	text := strings.Join(parts, "\n")
	sum := sha1.Sum([]byte(text)) // how Redis names scripts
	return &script{text: text, sha: hex.EncodeToString(sum[:])}
}
