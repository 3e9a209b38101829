// Package engine runs searches: it asks an agent for policies, compresses the network
// by them, scores and times what comes out, rewards the agent, and keeps everything
// in the store. One goroutine owns a search; the rest of the program sees
// immutable snapshots and sends commands.
package engine

import (
	"time"

	"galen/engine/planner"
	"galen/engine/workload"
	"galen/hw"
	"galen/store"
)

// Search is one run being worked on. All fields below requests belong to its goroutine.
type Search struct {
	id       string
	box      *mailbox
	done     chan struct{} // closed when the goroutine has ended
	requests chan request

	db     *store.DB
	log    *logbook
	solved string // folder of the compressed-layer database, empty: none

	course  // what the run follows
	found   // what is known of it
	pace    // whether and on what it works
	version uint64

	evaluator
	fingerprint hw.Fingerprint       // of the evaluator's device
	planner     *planner.Planner     // nil until episodes can begin
	round       int                  // see planner.Options
	pending     []store.JournalEntry // commands to take effect again where they did before
}

// found is what is known of a run. Snapshots share it, so that it is replaced, never edited.
type found struct {
	run       *store.Run
	layers    []Layer
	reference *store.Reference
	episodes  []*store.Episode
	best      *store.Episode
	journal   []store.JournalEntry
	timed     map[string][]hw.LayerCost // by layer, of those that were timed
}

// pace is whether a search works, and on what.
type pace struct {
	state      State
	stopping   bool   // a person ended the run
	problem    string // why it failed or paused itself
	clock      stopwatch
	activity   string
	completed  int // of the activity
	total      int
	step       int           // layer being decided on; −1: none
	committing time.Duration // what the latest episode took to be stored
}

// request is a person's wish on its way to the search's goroutine, with where to acknowledge it.
type request struct {
	do    func() error
	reply chan error
}

// newSearch prepares to work on a stored run; nothing happens before start. The versions
// of its snapshots go on from those in the box.
func newSearch(db *store.DB, run *store.Run, w *workload.Workload, box *mailbox, log *logbook) (*Search, error) {
	c, err := readCourse(run)
	if err != nil {
		return nil, err
	}
	search := &Search{
		id:        run.ID,
		box:       box,
		version:   box.version(),
		done:      make(chan struct{}),
		requests:  make(chan request),
		course:    c,
		db:        db,
		log:       log,
		found:     found{run: run},
		pace:      pace{state: Preparing, activity: "starting", clock: stopwatch{elapsed: run.Elapsed}, step: -1},
		evaluator: evaluator{workload: w},
	}
	if search.reference, err = store.Optional(db.Reference(run.ID)); err != nil {
		return nil, err
	}
	if search.episodes, err = db.Episodes(run.ID); err != nil {
		return nil, err
	}
	if search.journal, err = db.Journal(run.ID); err != nil {
		return nil, err
	}
	search.pending = c.pending(search.journal, len(search.episodes))
	search.best = bestOf(search.episodes, c.settings.Target)
	return search, nil
}

// note writes a line about the run into the log.
func (s *Search) note(level, format string, values ...any) {
	s.log.note(level, s.run.Name, format, values...)
}

// doing announces what the search does now.
func (s *Search) doing(activity string, completed, total int) {
	s.activity, s.completed, s.total = activity, completed, total
	s.publish()
}

// begins announces an activity of which nothing tells how far it is.
func (s *Search) begins(activity string) { s.doing(activity, 0, 0) }

func (s *Search) publish() {
	s.version++
	now := s.course
	now.follow(s.pending, s.layers, s.episodes)
	s.box.put(&Snapshot{
		Version:   s.version,
		Run:       s.run,
		State:     s.state,
		Activity:  s.activity,
		Done:      s.completed,
		Total:     s.total,
		Problem:   s.problem,
		Elapsed:   s.clock.read(),
		Remaining: s.remaining(s.settings.Episodes),
		Settings:  now.settings,
		Queued:    len(now.progress.Queue),
		Device:    s.fingerprint,
		Layers:    s.layers,
		Reference: s.reference,
		Episode:   len(s.episodes) + 1,
		Step:      s.step,
		Episodes:  s.episodes[:len(s.episodes):len(s.episodes)],
		Best:      s.best,
		Costs:     s.timed,
		Journal:   s.journal[:len(s.journal):len(s.journal)],
	})
}

// remaining estimates the working time left until so many episodes have finished, from the latest ones.
func (f *found) remaining(budget int) time.Duration {
	recent := f.episodes[max(0, len(f.episodes)-10):]
	if len(recent) == 0 {
		return 0
	}
	var seconds float64
	for _, e := range recent {
		seconds += e.Seconds
	}
	left := budget - len(f.episodes)
	return time.Duration(seconds / float64(len(recent)) * float64(left) * float64(time.Second))
}
