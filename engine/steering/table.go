package steering

import (
	"fmt"
	"slices"
	"strings"
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
