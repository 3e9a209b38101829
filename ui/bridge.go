package ui

import (
	"context"
	"fmt"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
)

// snapshotMsg brings the newest state of the search of this process.
type snapshotMsg struct{ snapshot *engine.Snapshot }

// failureMsg brings an error that no key press waits for.
type failureMsg struct{ err error }

// bridge carries snapshots of the active search to the program, at most one per
// interval; what was published in between is skipped, never queued.
type bridge struct {
	wait     func(ctx context.Context, after uint64) (*engine.Snapshot, error)
	send     func(tea.Msg)
	interval time.Duration

	mu     sync.Mutex
	cancel context.CancelFunc // ends the goroutine that follows now; nil: none does
	gone   sync.WaitGroup
}

// follow begins to carry the snapshots of the search that is active now, from its
// first one on, and leaves the one followed before.
func (b *bridge) follow(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		b.cancel()
	}
	ctx, b.cancel = context.WithCancel(ctx)
	b.gone.Go(func() { b.carry(ctx) })
}

// close leaves the search and returns when nothing is carried any more.
func (b *bridge) close() {
	b.mu.Lock()
	if b.cancel != nil {
		b.cancel()
	}
	b.mu.Unlock()
	b.gone.Wait()
}

// carry returns when ctx or the search has ended.
func (b *bridge) carry(ctx context.Context) {
	var version uint64
	for {
		s, err := guarded("follow the search", func() (*engine.Snapshot, error) { return b.wait(ctx, version) })
		pause := b.interval
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			b.send(failureMsg{err})
			pause = 20 * b.interval // a lasting failure must not become a busy loop
		case s != nil:
			version = s.Version
			b.send(snapshotMsg{s})
			if !s.State.Live() {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// guarded calls f and turns a panic into an error, so that a defect behind the
// workbench is shown instead of tearing the terminal down.
func guarded[T any](doing string, f func() (T, error)) (result T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: internal error: %v; what is finished is stored: quit and resume the run", doing, r)
		}
	}()
	return f()
}
