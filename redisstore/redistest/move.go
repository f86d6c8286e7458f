package redistest

import (
	"errors"
	"fmt"
)

// Move is a slot on its way from one primary to another. Between BeginMove and
// Finish its keys are spread over both, and commands that need several of them
// are told to try again.
type Move struct {
	cluster  *Cluster
	slot     int
	from, to *Server
}

// BeginMove declares that a slot moves to another primary.
func (c *Cluster) BeginMove(slot int, to *Server) (*Move, error) {
	from, err := c.Holder(slot)
	if err != nil {
		return nil, err
	}
	if from == to {
		return nil, errors.New("the slot is there")
	}
	fromID, err := from.nodeID()
	if err != nil {
		return nil, err
	}
	toID, err := to.nodeID()
	if err != nil {
		return nil, err
	}
	if err := to.run("CLUSTER", "SETSLOT", slot, "IMPORTING", fromID); err != nil {
		return nil, err
	}
	if err := from.run("CLUSTER", "SETSLOT", slot, "MIGRATING", toID); err != nil {
		return nil, err
	}
	return &Move{cluster: c, slot: slot, from: from, to: to}, nil
}

// Keys moves up to so many keys and returns how many it moved.
func (m *Move) Keys(most int) (int, error) {
	v, err := m.from.Do("CLUSTER", "GETKEYSINSLOT", m.slot, most)
	if err != nil {
		return 0, err
	}
	keys, _ := v.([]any)
	if len(keys) == 0 {
		return 0, nil
	}
	args := append([]any{"MIGRATE", "127.0.0.1", m.to.port, "", 0, callTime.Milliseconds(), "KEYS"}, keys...)
	return len(keys), m.from.run(args...)
}

// Finish moves the keys that are left and gives the slot to its new holder. A
// key that was written to the old one after Keys is moved, too.
func (m *Move) Finish() error {
	for {
		n, err := m.Keys(100)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	id, err := m.to.nodeID()
	if err != nil {
		return err
	}
	for _, s := range []*Server{m.to, m.from} {
		if err := s.run("CLUSTER", "SETSLOT", m.slot, "NODE", id); err != nil {
			return fmt.Errorf("give slot %d away: %w", m.slot, err)
		}
	}
	return m.cluster.Settled()
}

// MoveSlot moves a slot, all at once.
func (c *Cluster) MoveSlot(slot int, to *Server) error {
	m, err := c.BeginMove(slot, to)
	if err != nil {
		return err
	}
	return m.Finish()
}
