package engine

import (
	"context"
	"sync"
)

// mailbox holds the latest snapshot: publishing never waits for a reader, and
// readers that are slow see fewer snapshots, not later ones.
type mailbox struct {
	mu      sync.Mutex
	latest  *Snapshot
	changed chan struct{} // closed when latest is replaced
}

func newMailbox() *mailbox { return &mailbox{changed: make(chan struct{})} }

func (m *mailbox) put(s *Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.latest = s
	close(m.changed)
	m.changed = make(chan struct{})
}

// peek returns the latest snapshot; nil before the first.
func (m *mailbox) peek() *Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.latest
}

// version is that of the latest snapshot; 0 before the first.
func (m *mailbox) version() uint64 {
	if latest := m.peek(); latest != nil {
		return latest.Version
	}
	return 0
}

// wait returns the latest snapshot once it is newer than version after.
func (m *mailbox) wait(ctx context.Context, after uint64) (*Snapshot, error) {
	for {
		m.mu.Lock()
		latest, changed := m.latest, m.changed
		m.mu.Unlock()
		if latest != nil && latest.Version > after {
			return latest, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
