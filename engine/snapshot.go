package engine

import (
	"time"

	"galen/engine/planner"
	"galen/engine/steering"
	"galen/hw"
	"galen/store"
)

// Snapshot is the state of a search at one instant. It is immutable: everything it
// points to is shared between snapshots and never written again.
type Snapshot struct {
	Version uint64 // grows with every published change

	Run       *store.Run
	State     State
	Activity  string // what the search is doing, for people: "sensitivity", "measuring", …
	Done      int    // progress within the activity; Total 0: no measure of it
	Total     int
	Problem   string // why the search failed or paused itself; empty otherwise
	Elapsed   time.Duration
	Remaining time.Duration // estimated; 0: unknown

	Settings  Settings // as steered
	Queued    int      // policies that wait to be tried
	Device    hw.Fingerprint
	Layers    []Layer          // in the order the agent decides
	Reference *store.Reference // nil until evaluated
	Episode   int              // number of the episode under way, from 1; finished ones are len(Episodes)
	Step      int              // layer the agent is deciding on; −1: none
	Episodes  []*store.Episode // finished ones, by number
	Best      *store.Episode   // nil: none yet
	Journal   []store.JournalEntry

	// Costs tells of layers that were timed by themselves, by name, what each choice would
	// cost; it lasts as long as the search is under way.
	Costs map[string][]hw.LayerCost
}

// Last is the latest finished episode; nil before the first.
func (s *Snapshot) Last() *store.Episode {
	if len(s.Episodes) == 0 {
		return nil
	}
	return s.Episodes[len(s.Episodes)-1]
}

// Meets tells whether an episode meets the target, as far as is known.
func (s *Snapshot) Meets(e *store.Episode) bool { return meets(e, s.Settings.Target) }

// Met tells whether the best episode meets the target, as far as is known.
func (s *Snapshot) Met() bool { return s.Best != nil && meets(s.Best, s.Settings.Target) }

// State is where a search stands.
type State string

const (
	Preparing State = "preparing" // reference, sensitivity: no episode yet
	Running   State = "running"
	Paused    State = "paused"
	Stepping  State = "stepping" // runs one episode, then pauses
	Finished  State = "finished"
	Stopped   State = "stopped" // ended by a person before its budget
	Failed    State = "failed"
)

// Live tells whether a search in this state still has work under way or to come.
func (s State) Live() bool {
	return s != Finished && s != Stopped && s != Failed
}

// Layer is what does not change about a layer during a run.
type Layer = store.Layer

// Course is the run's as commands see it.
func (s *Snapshot) Course() steering.Course {
	settings := s.Settings.Settings
	return steering.Course{
		Settings: &settings, Progress: &planner.Progress{}, Layers: s.Layers, Episodes: s.Episodes, Best: s.Best,
	}
}

// After is the snapshot with the settings that a command will leave; the same one if it changes none,
// or would be refused.
func (s *Snapshot) After(c steering.Command) *Snapshot {
	on := s.Course()
	if _, err := steering.Apply(c, on, nil); err != nil {
		return s
	}
	after := *s
	after.Settings.Settings = *on.Settings
	return &after
}

// Preview says what a command would do now; empty where only the search can tell.
func (s *Snapshot) Preview(c steering.Command) (effect string, err error) {
	switch c.Kind {
	case steering.Undo:
		if _, c, err = steering.Undoing(s.Journal); err != nil {
			return "", err
		}
		effect, err = s.Course().Preview(c)
		return c.String() + ": " + effect, err
	case steering.Cost:
		return "", s.Timeable()
	}
	return s.Course().Preview(c)
}

// Timeable tells why the choices of single layers cannot be timed on the run's device; nil: they can.
func (s *Snapshot) Timeable() error { return hw.TimesLayers(s.Settings.Device) }
