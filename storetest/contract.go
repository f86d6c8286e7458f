package storetest

import "github.com/cacheops/cacheops"

// contract is one test for each sentence of the contract.
var contract = []struct {
	name string
	run  func(*suite)
}{
	{"a key that was never stored is a miss", testEmpty},
	{"an entry is found until it is deleted", testDelete},
	{"a key that differs in a byte is a miss", testCollision},
	{"an entry ends after its TTL", testTTL},
	{"an entry without deps lives by its TTL", testNoDeps},
	{"the last put counts", testReplace},
	{"put with a stamp that is gone keeps nothing valid", testPutLate},
	{"an entry needs all its stamps, on every table", testAllStamps},
	{"many stamps on one entry", testManyStamps},

	{"acquire returns the table's tag and then the shapes' in order", testOrder},
	{"stamps stay while nobody writes", testStampsStay},
	{"a dropped stamp never returns", testStampsFresh},
	{"acquire registers shapes", testRegisters},
	{"a registration survives a refusal", testRegistersRefused},
	{"a registry has an epoch and a catalog version from the start", testRegistry},

	{"begin drops its tags and no others", testBeginDrops},
	{"begin on the table's tag drops everything in the table", testBeginTable},
	{"begin on one table leaves others alone", testBeginOther},
	{"begin verifies version and epoch", testBeginMoved},
	{"begin with tables moved begins the others", testBeginPartly},
	{"begin unverified is not compared", testBeginUnverified},
	{"begin adds to what the writer has begun", testBeginAdds},
	{"begin is refused when its context is done", testBeginCancelled},

	{"an intent refuses fills of its tags only", testIntent},
	{"an intent on the table's tag refuses every fill", testIntentTable},
	{"an intent refuses a fill across tables", testIntentTables},
	{"a refused grant's stamps are those that stand", testRefusedStamps},
	{"end lifts the writer's own intents only", testEnd},
	{"end of a writer that is not there does nothing", testEndTwice},
	{"a shape that a writer in flight had not seen is refused", testUnseen},
	{"a writer without tags is in flight all the same", testUnseenNoTags},
	{"what a writer adds does not vouch for what it began with", testUnseenAdds},

	{"a read planned from another catalog version is refused", testCatalogRead},
	{"a write planned from another catalog version has moved", testCatalogWrite},
	{"a writer in flight with an older plan refuses fills", testCatalogInFlight},
	{"a catalog version taken while the schema changes does not last", testCatalogDuring},
	{"a writer may add to its own schema change", testCatalogOwn},

	{"a doubtful intent goes on refusing, and is reported, until it is cleared", testDoubt},
	{"a doubtful writer refuses the shapes it had not seen", testDoubtUnseen},
	{"clear removes one writer", testClearOne},

	{"functions are kept and dropped", testFunctions},

	{"a table that was lost says that it does not know", testLose},
	{"a write computed before the loss has moved", testLoseBegin},
	{"only the present quarantine can be lifted", testLoseClear},
	{"a writer that begins after the loss is known", testLoseKnown},
	{"state that comes back is void", testRestore},
}

const (
	tagA cacheops.Tag = 0xa
	tagB cacheops.Tag = 0xb
	tagC cacheops.Tag = 0xc
)
