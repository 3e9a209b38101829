package ui

import (
	"time"

	"galen/engine"
	"galen/store"
)

// session is what all screens share: the look, the clock and the search under way in
// this store. Only the root model writes it.
type session struct {
	look     *look
	keys     keymap
	database string // that commands to copy must name; empty: none

	runs     []*store.Run // as they were listed last
	reported []string     // errors that were shown here, as lines of a log
	now      time.Time
	active   string           // the run under search in this store; empty: none
	live     *engine.Snapshot // newest of the active search; nil before the first and after the last
	liveAt   time.Time        // when it arrived
}

// name is what a run is called; one that is not listed yet is the search.
func (s *session) name(id string) string {
	if s.live != nil && s.live.Run.ID == id {
		return s.live.Run.Name
	}
	for _, r := range s.runs {
		if r.ID == id {
			return r.Name
		}
	}
	return "the search"
}

// state is a run's state as it is from here: one that nobody searches is paused,
// even if it was cut off before it could say so.
func (s *session) state(id string, stored engine.State) engine.State {
	if stored.Live() && id != s.active {
		return engine.Paused
	}
	return stored
}

// working tells whether time passes for a search in this state.
func working(s engine.State) bool {
	switch s {
	case engine.Preparing, engine.Running, engine.Stepping:
		return true
	}
	return false
}

// searching tells whether the run under search in this store makes progress.
func (s *session) searching() bool {
	if s.active == "" {
		return false
	}
	return s.live == nil || s.live.Run.ID != s.active || working(s.live.State)
}

// resumable tells whether a run in this state, which nobody searches, can go on.
func resumable(s engine.State) bool {
	return s == engine.Paused || s == engine.Failed
}

// elapsed is a search's working time by now: what the snapshot says and, for the
// live search, the time since.
func (s *session) elapsed(snap *engine.Snapshot) time.Duration {
	if s.live != nil && snap.Run.ID == s.live.Run.ID && snap.Version == s.live.Version && working(snap.State) {
		return snap.Elapsed + max(0, s.now.Sub(s.liveAt))
	}
	return snap.Elapsed
}

// budget is the number of episodes a run shall have.
func budget(s *engine.Snapshot) int {
	if s.Run.Budget > 0 {
		return s.Run.Budget
	}
	return s.Settings.Episodes
}
