package redisstore

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/cacheops/cacheops"
)

// names makes the keys' names. Those of one table share a hash tag, so that
// they lie in one slot of a Cluster:
//
//	prefix:t{:table}           the table's state, a hash
//	prefix:e{:table}place      the stamp of the table's tag; see places
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

// Places, of one length, end the name of a table's own stamp. On a Cluster it is
// the incarnation of the node, so that no node has the stamp of another. On one
// server it is always the same: who finds the table's state missing deletes the
// stamp that was made with it, and could not, if it had to know what the server
// was called then. That a hit does not take one from another incarnation for its
// own is seen from its value; see valid.go.
var anyPlace = strings.Repeat("-", incarnationBytes)

func (n *names) of(name, place string) *table {
	s := short(name)
	return &table{name: name, short: s, state: n.table + s + "}", own: n.own + s + "}" + place, stamps: n.stamp + s + "}"}
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

// made reports whether a key may be one of these names. Another prefix may begin
// with this one, so that its keys do, too; none of its entries, locks and values
// set by name is as long as one of ours.
func (n *names) made(key string) bool {
	for _, kind := range []string{n.entry, n.bytes, n.lock} {
		if len(key) == len(kind)+len(digest{}) && strings.HasPrefix(key, kind) {
			return true
		}
	}
	if _, found := cut(key, n.table, 0); found {
		return true
	}
	_, _, found := n.parse(key)
	return found
}

// cut returns what lies between a prefix and a tail of that length.
func cut(key, prefix string, tail int) (table string, ok bool) {
	end := len(key) - tail - 1
	if end < len(prefix) || key[:len(prefix)] != prefix || key[end] != '}' {
		return "", false
	}
	return key[len(prefix):end], true
}
