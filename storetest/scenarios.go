package storetest

// The walks. Together they hold every pair of a writer's outcome, a reader's
// shape and a fault; one walk with everything would have too many states.

func scenarios() []scenario {
	known, fresh, mixed := [readers]uint8{0, 0}, [readers]uint8{1, 1}, [readers]uint8{0, 1}
	two, one, once := [readers]uint8{2, 2}, [readers]uint8{2, 1}, [readers]uint8{1, 1}
	return []scenario{
		{name: "known shape", shape: known, loops: two, writers: 2},
		{name: "new shape", shape: fresh, loops: two, writers: 2},
		{name: "known and new shape", shape: mixed, loops: two, writers: 2},
		{name: "wide writer", shape: mixed, loops: two, writers: 2, wide: [writers]bool{true, false}},
		{name: "leases, known shape", shape: known, loops: one, writers: 2, leases: true},
		{name: "leases, new shape", shape: fresh, loops: one, writers: 2, leases: true},
		{name: "leases and loss", shape: fresh, loops: one, writers: 1, leases: true, loss: true},
		{name: "loss, two writers", shape: known, loops: once, writers: 2, loss: true},
		{name: "leases and restore", shape: known, loops: one, writers: 1, leases: true, restore: true},
		{name: "restore, two writers", shape: known, loops: once, writers: 2, restore: true},
	}
}

// splitScenarios take a get apart, which a store's interface does not allow:
// they are for the model alone.
func splitScenarios() []scenario {
	return []scenario{
		{name: "split get", loops: [readers]uint8{2, 2}, writers: 2, split: true},
		{name: "split get with leases and loss", loops: [readers]uint8{2, 1}, writers: 1, split: true, leases: true, loss: true},
	}
}

// flawed is one scenario for each flaw, small, so that its trace is short.
func flawed() []scenario {
	loops := [readers]uint8{2, 1}
	return []scenario{
		{loops: loops, writers: 1, flaw: flawIntents},
		{loops: loops, writers: 1, shape: [readers]uint8{1, 1}, flaw: flawUnseen},
		{loops: loops, writers: 1, leases: true, flaw: flawEndUnknown},
		{loops: loops, writers: 1, leases: true, flaw: flawDoubt},
		{loops: loops, writers: 1, loss: true, flaw: flawQuarantine},
		{loops: loops, writers: 1, restore: true, flaw: flawRestore},
		{loops: loops, writers: 1, flaw: flawJoin},
		{loops: loops, writers: 1, shape: [readers]uint8{1, 1}, flaw: flawMoved},
	}
}
