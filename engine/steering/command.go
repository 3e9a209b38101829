// Package steering is the commands by which people steer a search: what each is called, takes and does. Everything
// else that concerns commands, from completion to the journal, reads the one table of them.
package steering

import (
	"galen/engine/compress/structure"
	"galen/engine/planner"
	"galen/store"
)

// Command asks a running search for something at its next step boundary. Its text, which
// the journal keeps, people type and [Parse] reads, is a verb and what it needs: see [Verbs].
type Command struct {
	Kind Kind
	Who  string // for the journal: user name, or where it came from

	// What it needs, of which every kind reads its own.
	Value  float64          // a number, a whole number, or an episode
	Name   string           // of a layer, a method or a reward; "none"
	Limits planner.Limits   // of a layer
	Policy structure.Policy // instead of an episode's
}

// Kind names a command.
type Kind string

// command is all there is to know of one kind.
type command struct {
	kind     Kind
	takes    string // what follows the verb, for people
	does     string // for people
	argument argument
	scope    scope

	// check tells, before the command is applied to a search, why it makes no sense to it now; nil: it always may.
	check func(c Command, on Course, s Search) error
	// apply does what the command says to a course and, if one is under way, to its search. What it does to the course
	// is a function of command and course alone.
	apply func(c Command, on Course, s Search) (Change, error)
}

// scope is what a command reaches.
type scope int

const (
	course  scope = iota // what the run does from now on: when it is resumed, its journal's commands take effect again
	pace                 // whether the search works: of no consequence for what it does
	inquiry              // nothing: it is answered, and the journal does not have it
)

// Course is what a run follows and commands change, with what they have to know of the run.
type Course struct {
	Settings *planner.Settings
	Progress *planner.Progress
	Layers   []store.Layer    // empty: not known yet
	Episodes []*store.Episode // finished, by number
	Best     *store.Episode   // nil: none yet
}

// Search is a search under way, as far as commands reach into it.
type Search interface {
	Pause() error
	Resume() error
	Step() error
	Stop()
	SetNoise(sigma float64) (before float64, err error)
	SetUpdates(n int) (before int, err error)
	MayTry(structure.Policy) error  // why a policy cannot be the next episode's
	MayBase(structure.Policy) error // why decisions cannot start from a policy
	TimeLayer(name string) error
}

// Change is what a command did.
type Change struct {
	Effect string   // for people: old → new
	Undo   *Command // what takes it back; nil: nothing does
}
