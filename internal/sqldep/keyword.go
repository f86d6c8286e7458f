package sqldep

import "github.com/cacheops/cacheops/internal/catalog"

// keyword is a word that the parser knows. The zero keyword is none.
type keyword uint8

const (
	_ keyword = iota
	kAbort
	kAdd
	kAction
	kAfter
	kAll
	kAlter
	kAlways
	kAnalyze
	kAnalyse
	kAnd
	kAny
	kArray
	kAs
	kAsc
	kAttach
	kAutoincrement
	kBefore
	kBegin
	kBetween
	kBy
	kCall
	kCascade
	kCase
	kCast
	kCheck
	kCollate
	kColumn
	kCommit
	kConflict
	kConstraint
	kCopy
	kCreate
	kCross
	kCurrent
	kCurrentDate
	kCurrentTime
	kCurrentTimestamp
	kCurrentUser
	kDatabase
	kDefault
	kDeferrable
	kDeferred
	kDelete
	kDesc
	kDetach
	kDistinct
	kDo
	kDrop
	kDuplicate
	kEach
	kElse
	kEnd
	kEscape
	kExcept
	kExclude
	kExclusive
	kExecute
	kExists
	kExplain
	kFail
	kFalse
	kFetch
	kFilter
	kFirst
	kFollowing
	kFor
	kForeign
	kFrom
	kFull
	kGlob
	kGroup
	kGroups
	kHaving
	kIf
	kIgnore
	kIlike
	kImmediate
	kIn
	kIndex
	kIndexed
	kInner
	kInsert
	kInstead
	kIntersect
	kInterval
	kInto
	kIs
	kIsnull
	kJoin
	kKey
	kLast
	kLateral
	kLeft
	kLike
	kLimit
	kLocalTime
	kLocalTimestamp
	kLock
	kMatch
	kMaterialized
	kNatural
	kNext
	kNo
	kNot
	kNothing
	kNotnull
	kNull
	kNulls
	kOf
	kOffset
	kOn
	kOnly
	kOr
	kOrder
	kOthers
	kOuter
	kOver
	kPartition
	kPlan
	kPragma
	kPreceding
	kPrimary
	kProcedure
	kQuery
	kRaise
	kRange
	kRecursive
	kReferences
	kRegexp
	kReindex
	kRelease
	kRename
	kReplace
	kRestrict
	kReturning
	kRight
	kRlike
	kRollback
	kRow
	kRows
	kSavepoint
	kSelect
	kSessionUser
	kSet
	kShare
	kShow
	kSimilar
	kSome
	kStart
	kSymmetric
	kTable
	kTablesample
	kTemp
	kTemporary
	kThen
	kTies
	kTo
	kTransaction
	kTrigger
	kTrue
	kTruncate
	kUnbounded
	kUnion
	kUnique
	kUpdate
	kUse
	kUsing
	kVacuum
	kValue
	kValues
	kView
	kVirtual
	kWhen
	kWhere
	kWindow
	kWith
	kWithin
	kWithout
	kWork
	kXor
	kDiv
	kMod
	kAsymmetric
	kUser
	kComment
	kGrant
	kRevoke
	kMerge
	kNoWait
	kSkip
	kUnknown
	kEnum
	kSeparator
	kStraightJoin
	kForce
	kDual
	kFunction
	kEvent
	kRule
	kPackage
	numKeywords
)

// keywordNames are the keywords' texts, in lower case.
var keywordNames = [numKeywords]string{
	kAbort: "abort", kAdd: "add", kAction: "action", kAfter: "after", kAll: "all", kAlter: "alter", kAlways: "always",
	kAnalyze: "analyze", kAnalyse: "analyse", kAnd: "and", kAny: "any", kArray: "array", kAs: "as", kAsc: "asc",
	kAttach: "attach", kAutoincrement: "autoincrement", kBefore: "before", kBegin: "begin", kBetween: "between",
	kBy: "by", kCall: "call", kCascade: "cascade", kCase: "case", kCast: "cast", kCheck: "check",
	kCollate: "collate", kColumn: "column", kCommit: "commit", kConflict: "conflict", kConstraint: "constraint",
	kCopy: "copy", kCreate: "create", kCross: "cross", kCurrent: "current", kCurrentDate: "current_date",
	kCurrentTime: "current_time", kCurrentTimestamp: "current_timestamp", kCurrentUser: "current_user",
	kDatabase: "database", kDefault: "default", kDeferrable: "deferrable", kDeferred: "deferred",
	kDelete: "delete", kDesc: "desc", kDetach: "detach", kDistinct: "distinct", kDo: "do", kDrop: "drop",
	kDuplicate: "duplicate", kEach: "each", kElse: "else", kEnd: "end", kEscape: "escape", kExcept: "except",
	kExclude: "exclude", kExclusive: "exclusive", kExecute: "execute", kExists: "exists", kExplain: "explain",
	kFail: "fail", kFalse: "false", kFetch: "fetch", kFilter: "filter", kFirst: "first", kFollowing: "following",
	kFor: "for", kForeign: "foreign", kFrom: "from", kFull: "full", kGlob: "glob", kGroup: "group",
	kGroups: "groups", kHaving: "having", kIf: "if", kIgnore: "ignore", kIlike: "ilike",
	kImmediate: "immediate", kIn: "in", kIndex: "index", kIndexed: "indexed", kInner: "inner",
	kInsert: "insert", kInstead: "instead", kIntersect: "intersect", kInterval: "interval", kInto: "into",
	kIs: "is", kIsnull: "isnull", kJoin: "join", kKey: "key", kLast: "last", kLateral: "lateral", kLeft: "left",
	kLike: "like", kLimit: "limit", kLocalTime: "localtime", kLocalTimestamp: "localtimestamp", kLock: "lock",
	kMatch: "match", kMaterialized: "materialized", kNatural: "natural", kNext: "next", kNo: "no", kNot: "not",
	kNothing: "nothing", kNotnull: "notnull", kNull: "null", kNulls: "nulls", kOf: "of", kOffset: "offset",
	kOn: "on", kOnly: "only", kOr: "or", kOrder: "order", kOthers: "others", kOuter: "outer", kOver: "over",
	kPartition: "partition", kPlan: "plan", kPragma: "pragma", kPreceding: "preceding", kPrimary: "primary",
	kProcedure: "procedure", kQuery: "query", kRaise: "raise", kRange: "range", kRecursive: "recursive",
	kReferences: "references", kRegexp: "regexp", kReindex: "reindex", kRelease: "release", kRename: "rename",
	kReplace: "replace", kRestrict: "restrict", kReturning: "returning", kRight: "right", kRlike: "rlike",
	kRollback: "rollback", kRow: "row", kRows: "rows", kSavepoint: "savepoint", kSelect: "select",
	kSessionUser: "session_user", kSet: "set", kShare: "share", kShow: "show", kSimilar: "similar",
	kSome: "some", kStart: "start", kSymmetric: "symmetric", kTable: "table", kTablesample: "tablesample",
	kTemp: "temp", kTemporary: "temporary", kThen: "then", kTies: "ties", kTo: "to",
	kTransaction: "transaction", kTrigger: "trigger", kTrue: "true", kTruncate: "truncate",
	kUnbounded: "unbounded", kUnion: "union", kUnique: "unique", kUpdate: "update", kUse: "use",
	kUsing: "using", kVacuum: "vacuum", kValue: "value", kValues: "values", kView: "view", kVirtual: "virtual",
	kWhen: "when", kWhere: "where", kWindow: "window", kWith: "with", kWithin: "within", kWithout: "without",
	kWork: "work", kXor: "xor", kDiv: "div", kMod: "mod", kAsymmetric: "asymmetric", kUser: "user",
	kComment: "comment", kGrant: "grant", kRevoke: "revoke", kMerge: "merge", kNoWait: "nowait",
	kSkip: "skip", kUnknown: "unknown", kEnum: "enum", kSeparator: "separator", kStraightJoin: "straight_join", kForce: "force",
	kDual: "dual", kFunction: "function", kEvent: "event", kRule: "rule", kPackage: "package",
}

// keywordSlots is a hash table of the keywords, open-addressed.
var keywordSlots = func() (slots [1024]keyword) {
	for k := keyword(1); k < numKeywords; k++ {
		i := keywordHash(keywordNames[k])
		for slots[i] != 0 {
			i = (i + 1) % uint32(len(slots))
		}
		slots[i] = k
	}
	return slots
}()

// keywordHash folds ASCII case by setting a bit, which maps no letter to
// another; what else it maps together is told apart by the comparison.
func keywordHash(w string) uint32 {
	n := len(w)
	h := uint32(w[0]|0x20)*31 + uint32(w[n-1]|0x20)
	h = h*37 + uint32(w[n/2]|0x20)
	h = h*41 + uint32(w[n*3/4]|0x20) + uint32(n)*97
	return (h ^ h>>10) % 1024
}

const longestKeyword = len("current_timestamp")

// lookupKeyword returns the keyword that w is, without case, or zero.
func lookupKeyword(w string) keyword {
	if len(w) < 2 || len(w) > longestKeyword {
		return 0
	}
	for i := keywordHash(w); ; i = (i + 1) % uint32(len(keywordSlots)) {
		k := keywordSlots[i]
		if k == 0 || equalFold(w, keywordNames[k]) {
			return k
		}
	}
}

// equalFold reports whether w is lower, which is in lower case, in any ASCII case.
func equalFold(w, lower string) bool {
	if len(w) != len(lower) {
		return false
	}
	for i := range len(w) {
		c := w[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// reserved are the keywords that cannot be a bare alias or column name anywhere
// that matters: where one of them stands, a clause or an operator begins. Only
// the parser's way through a statement depends on this set, not the floor.
var reserved = func() (r [numKeywords]bool) {
	for _, k := range []keyword{
		kAll, kAnd, kAs, kBetween, kCase, kCheck, kCollate, kConstraint, kCreate, kCross, kDefault, kDelete,
		kDistinct, kDrop, kElse, kEscape, kExcept, kExists, kFetch, kFor, kForeign, kFrom, kFull, kGroup, kHaving,
		kIn, kInner, kInsert, kIntersect, kInto, kIs, kIsnull, kJoin, kLeft, kLimit, kNatural, kNot, kNotnull,
		kNull, kOn, kOr, kOrder, kOuter, kPrimary, kReferences, kReturning, kRight, kSelect, kSet, kTable, kThen,
		kTo, kTransaction, kUnion, kUnique, kUpdate, kUsing, kValues, kWhen, kWhere, kWith, kWindow, kOffset,
		kLike, kGlob, kRegexp, kMatch, kIlike, kSimilar, kRlike, kLateral, kTablesample, kIndexed,
	} {
		r[k] = true
	}
	return r
}()

// strict are the keywords that are never a name without quotes in a dialect.
// Taking one for a name would find sense in what the database rejects.
var strict = func() (s [catalog.MySQL + 1][numKeywords]bool) {
	every := []keyword{
		kAll, kAlter, kAnd, kAs, kBetween, kCase, kCheck, kCollate, kConstraint, kCreate, kDefault, kDelete,
		kDistinct, kDrop, kElse, kExists, kExcept, kForeign, kFrom, kGroup, kHaving, kIn, kInsert, kIntersect, kInto,
		kIs, kJoin, kLimit, kNot, kNull, kOn, kOr, kOrder, kPrimary, kReferences, kSelect, kSet, kTable, kThen, kTo,
		kUnion, kUnique, kUpdate, kUsing, kValues, kWhen, kWhere,
	}
	dialects := [...][]keyword{
		catalog.SQLite: {
			kAdd, kAutoincrement, kCommit, kDeferrable, kEscape, kIndex, kIsnull, kNothing, kNotnull, kReturning, kTransaction,
		},
		catalog.PostgreSQL: {
			kAnalyse, kAnalyze, kAny, kArray, kAsc, kAsymmetric, kCast, kColumn, kCross, kCurrentDate, kCurrentTime,
			kCurrentTimestamp, kCurrentUser, kDeferrable, kDesc, kDo, kEnd, kFalse, kFetch, kFor, kFull, kGrant, kIlike,
			kInner, kIsnull, kLateral, kLeft, kLike, kLocalTime, kLocalTimestamp, kNatural, kNotnull, kOffset, kOnly,
			kOuter, kReturning, kRight, kSessionUser, kSimilar, kSome, kSymmetric, kTablesample, kTrue, kUser, kWindow,
			kWith,
		},
		catalog.MySQL: {
			kAnalyze, kAsc, kBefore, kBy, kCall, kCascade, kColumn, kCross, kCurrentDate, kCurrentTime, kCurrentTimestamp,
			kCurrentUser, kDatabase, kDesc, kDiv, kEach, kExplain, kFalse, kFetch, kFor, kGrant, kGroups, kIf, kIgnore,
			kIndex, kInner, kInterval, kKey, kLateral, kLeft, kLike, kLocalTime, kLocalTimestamp, kLock, kMatch, kMod, kDual, kForce, kSeparator, kStraightJoin,
			kNatural, kOf, kOuter, kOver, kPartition, kProcedure, kRange, kRecursive, kRegexp, kRelease, kRename,
			kReplace, kRestrict, kRevoke, kRight, kRlike, kRow, kRows, kShow, kTrigger, kTrue, kUse, kVirtual, kWindow,
			kWith, kXor,
		},
	}
	for d := catalog.SQLite; d <= catalog.MySQL; d++ {
		for _, k := range append(every, dialects[d]...) {
			s[d][k] = true
		}
	}
	return s
}()

// strictPostgres reports whether a word that is no keyword of ours is never a name
// without quotes on PostgreSQL.
func strictPostgres(word string) bool {
	for _, w := range [...]string{
		"authorization", "binary", "collation", "concurrently", "freeze", "initially", "leading", "overlaps", "placing", "trailing", "variadic", "verbose",
	} {
		if equalFold(word, w) {
			return true
		}
	}
	return false
}
