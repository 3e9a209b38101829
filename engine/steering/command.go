// Package steering is the commands by which people steer a search: what each is called, takes and does. Everything
// else that concerns commands, from completion to the journal, reads the one table of them.
package steering

import (
	"fmt"
	"slices"
	"strings"

	"galen/engine/compress"
	"galen/engine/planner"
	"galen/store"
)

// Command asks a running search for something at its next step boundary. Its text, which
// the journal keeps, people type and [Parse] reads, is a verb and what it needs: see [Verbs].
type Command struct {
	Kind Kind
	Who  string // for the journal: user name, or where it came from

	// What it needs, of which every kind reads its own.
	Value  float64         // a number, a whole number, or an episode
	Name   string          // of a layer, a method or a reward; "none"
	Limits planner.Limits  // of a layer
	Policy compress.Policy // instead of an episode's
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

// commands lists every command, in the order in which people are told of them.
func commands() []command {
	return []command{
		pause, resume, step, stop,
		target, reward, beta, episodes, budget,
		noise, updates,
		pin, bound, release,
		freeze, thaw,
		try, base,
		cost, undo,
	}
}

func find(kind Kind) (command, bool) {
	all := commands()
	at := slices.IndexFunc(all, func(c command) bool { return c.kind == kind })
	if at < 0 {
		return command{}, false
	}
	return all[at], true
}

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
	MayTry(compress.Policy) error  // why a policy cannot be the next episode's
	MayBase(compress.Policy) error // why decisions cannot start from a policy
	TimeLayer(name string) error
}

// Change is what a command did.
type Change struct {
	Effect string   // for people: old → new
	Undo   *Command // what takes it back; nil: nothing does
}

// Check tells why a command makes no sense to a search now.
func Check(c Command, on Course, s Search) error {
	known, ok := find(c.Kind)
	if !ok {
		return unknown(string(c.Kind))
	}
	if known.check == nil {
		return nil
	}
	return known.check(c, on, s)
}

// Apply does what a command says to a course and to its search; without a search, to the course alone. It refuses what
// makes no sense.
func Apply(c Command, on Course, s Search) (Change, error) {
	known, ok := find(c.Kind)
	if !ok {
		return Change{}, unknown(string(c.Kind))
	}
	return known.apply(c, on, s)
}

// Preview says what a command would do to a course; empty where only the search can tell.
func (on Course) Preview(c Command) (effect string, err error) {
	settings, progress := *on.Settings, *on.Progress
	on.Settings, on.Progress = &settings, &progress
	change, err := Apply(c, on, nil)
	return change.Effect, err
}

// Follows tells whether a run that is resumed has to follow a command of its journal, given as text.
func Follows(text string) bool {
	verb, _, _ := strings.Cut(text, " ")
	known, ok := find(Kind(verb))
	return !ok || known.scope == course
}

// Waits tells whether a command has to take effect after those of the journal that a resumed run still follows.
func (k Kind) Waits() bool { return k.scope() == course }

// Recorded tells whether the journal has commands of a kind.
func (k Kind) Recorded() bool { return k.scope() != inquiry }

func (k Kind) scope() scope {
	known, _ := find(k)
	return known.scope
}

// Verb describes a command to people who type it.
type Verb struct {
	Name, Takes, Does string
}

// Verbs describes every command.
func Verbs() []Verb {
	var verbs []Verb
	for _, c := range commands() {
		verbs = append(verbs, Verb{string(c.kind), c.takes, c.does})
	}
	return verbs
}

// Parse reads a command's text. Whether it suits the search is for [Check] and [Apply] to tell.
func Parse(text string) (Command, error) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if verb == "" {
		return Command{}, fmt.Errorf("no command: type one, like %s 0.25", Target)
	}
	known, ok := find(Kind(verb))
	if !ok {
		return Command{}, unknown(verb)
	}
	c := Command{Kind: known.kind}
	if err := known.argument.parse(&c, strings.TrimSpace(rest)); err != nil {
		return Command{}, fmt.Errorf("%s: %w; as in: %s", verb, err, strings.TrimSpace(verb+" "+known.takes))
	}
	return c, nil
}

func unknown(verb string) error {
	var names []string
	for _, c := range commands() {
		names = append(names, string(c.kind))
	}
	return fmt.Errorf("command %q is unknown; there are %s", verb, strings.Join(names, ", "))
}

// String is the command's text.
func (c Command) String() string {
	known, ok := find(c.Kind)
	if !ok {
		return string(c.Kind)
	}
	return strings.TrimSpace(string(c.Kind) + " " + known.argument.format(c))
}

// Complete lists the commands that a beginning may become, each as far as it is certain:
// verbs, then layers, methods and the like.
func (on Course) Complete(text string) []string {
	verb, typed, argued := strings.Cut(text, " ")
	if !argued {
		var verbs []string
		for _, c := range commands() {
			if c.takes != "" {
				verbs = append(verbs, string(c.kind)+" ")
			} else {
				verbs = append(verbs, string(c.kind))
			}
		}
		return beginning("", verb, verbs)
	}
	known, ok := find(Kind(verb))
	if !ok || known.argument.complete == nil {
		return nil
	}
	return known.argument.complete(on, verb+" ", typed)
}

// beginning lists the words that begin as typed, after what comes before them.
func beginning(before, typed string, words []string) []string {
	var fitting []string
	for _, w := range words {
		if strings.HasPrefix(w, typed) {
			fitting = append(fitting, before+w)
		}
	}
	return fitting
}
