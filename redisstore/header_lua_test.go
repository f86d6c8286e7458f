package redisstore

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/cacheops/cacheops"
	"github.com/cacheops/cacheops/redisstore/redistest"
)

// luaHeader reads a header as a script would: the layout is a promise to
// scripts, too. Stamps and tags stay strings of eight bytes, because a number
// in Lua has no room for them.
const luaHeader = `
local e = ARGV[1]
local version, flags, tables, length, at = struct.unpack('>BBI2I4', e)
if version ~= 1 then return {} end
local out = {}
at = at + 4
for _ = 1, tables do
	local name, n
	name, n, at = struct.unpack('>I2I2', e, at)
	name, at = struct.unpack('c' .. name, e, at)
	for _ = 1, n do
		out[#out + 1] = name
		out[#out + 1] = e:sub(at, at + 7)
		out[#out + 1] = e:sub(at + 8, at + 15)
		at = at + 16
	end
end
if at ~= length + 1 then return redis.error_reply('header of another length') end
return out`

func TestHeaderFromLua(t *testing.T) {
	server := redistest.Start(t, nil)
	deps := slices.DeleteFunc(slices.Clone(testDeps), func(d cacheops.Dep) bool { return d.Table == "" }) // 'c0' means the rest
	for name, e := range waysToSeal(t) {
		b := e.mustSeal(t, keyOf("q", ""), deps, text("value"))
		reply, err := server.Do("EVAL", luaHeader, "0", string(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var want, got []string
		for _, d := range deps {
			want = append(want, d.Table, fmt.Sprintf("%016x", uint64(d.Tag)), fmt.Sprintf("%016x", uint64(d.Stamp)))
		}
		for i, part := range reply.([]any) {
			s := part.(string)
			if i%3 > 0 {
				s = hex.EncodeToString([]byte(s))
			}
			got = append(got, s)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: Lua reads %q, want %q", name, got, want)
		}
	}
}
