package redisstore

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"

	"github.com/cacheops/cacheops"
)

// names makes the keys' names. Those of one table share a hash tag, so that
// they lie in one slot of a Cluster:
//
//	prefix:t{:table}           the table's state, a hash
//	prefix:e{:table}place      the stamp of the table's tag; see placeholder
//	prefix:s{:table}tag        the stamp of another tag, its 8 bytes
//	prefix:v:digest            an entry
//	prefix:b:digest            a value set by name
//	prefix:l:digest            a lock
//	prefix:f:process           the channel on which a process hears of locks
//
// The first letter tells what a key is, and what follows the table has a fixed
// length, so that a name can be taken apart whatever the table is called. Script
// fetch makes the same names.
type names struct{ table, own, stamp, entry, bytes, lock, channel string }

func newNames(prefix string) names {
	return names{
		table: prefix + ":t{:", own: prefix + ":e{:", stamp: prefix + ":s{:",
		entry: prefix + ":v:", bytes: prefix + ":b:", lock: prefix + ":l:", channel: prefix + ":f:",
	}
}

// longTable is from where a table's name is shortened: names of databases may be
// paths, and every hit sends them.
const longTable = 40

// short returns a table's name as keys have it. Two tables that come out the
// same share their drops, which costs entries and nothing else.
func short(table string) string {
	if len(table) <= longTable {
		return table
	}
	sum := sha1.Sum([]byte(table)) // which Redis's Lua has; nothing secret hangs on it
	return hex.EncodeToString(sum[:])
}

// table is what the keys of one table are called.
type table struct {
	name   string
	short  string // the table's name in them
	state  string
	own    string
	stamps string // begins the names of the stamps but for the table's own
}

func (n *names) of(name string) *table {
	s := short(name)
	return &table{name: name, short: s, state: n.table + s + "}", own: n.own + s + "}" + placeholder, stamps: n.stamp + s + "}"}
}

// appendStamp appends the name of a tag's stamp.
func (t *table) appendStamp(b []byte, tag cacheops.Tag) []byte {
	if tag == cacheops.TableTag {
		return append(b, t.own...)
	}
	return binary.BigEndian.AppendUint64(append(b, t.stamps...), uint64(tag))
}

func (t *table) stampOf(tag cacheops.Tag) string {
	if tag == cacheops.TableTag {
		return t.own
	}
	return string(t.appendStamp(make([]byte, 0, len(t.stamps)+tagBytes), tag))
}

func (n *names) ofEntry(d digest) string { return n.entry + string(d[:]) }

func (n *names) ofBytes(d digest) string { return n.bytes + string(d[:]) }

func (n *names) ofLock(d digest) string { return n.lock + string(d[:]) }

const tagBytes = 8

// parse takes the name of a stamp apart.
func (n *names) parse(key string) (table string, tag cacheops.Tag, ok bool) {
	if rest, found := cut(key, n.own, incarnationBytes); found {
		return rest, cacheops.TableTag, true
	}
	if rest, found := cut(key, n.stamp, tagBytes); found {
		return rest, cacheops.Tag(binary.BigEndian.Uint64([]byte(key[len(key)-tagBytes:]))), true
	}
	return "", 0, false
}

// cut returns what lies between a prefix and a tail of that length.
func cut(key, prefix string, tail int) (table string, ok bool) {
	end := len(key) - tail - 1
	if end < len(prefix) || key[:len(prefix)] != prefix || key[end] != '}' {
		return "", false
	}
	return key[len(prefix):end], true
}
