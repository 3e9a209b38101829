package ui

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
)

// snapshotMsg brings the newest state of the run under search in this store.
type snapshotMsg struct{ snapshot *engine.Snapshot }

// failureMsg brings an error that no key press waits for.
type failureMsg struct{ err error }

// bridge carries snapshots of whichever search is active to the program, at most one per
// interval; what was published in between is skipped, never queued.
type bridge struct {
	wait     func(ctx context.Context, after uint64) (*engine.Snapshot, error)
	send     func(tea.Msg)
	interval time.Duration
}

// carry returns when ctx has ended.
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
