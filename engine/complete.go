package engine

import (
	"fmt"
	"slices"
	"strings"

	"galen/agents"
)

// Complete lists the commands that a beginning may become, each as far as it is certain:
// verbs, then layers, methods and the like. It knows what the search looks like now.
func (s *Snapshot) Complete(text string) []string {
	verb, rest, argued := strings.Cut(text, " ")
	if !argued {
		var names []string
		for _, v := range Verbs() {
			if v.Takes != "" {
				names = append(names, v.Name+" ")
			} else {
				names = append(names, v.Name)
			}
		}
		return beginning("", verb, names)
	}
	switch CommandKind(verb) {
	case Reward:
		return beginning(verb+" ", rest, agents.Rewards)
	case Freeze, Thaw:
		frozen := func(m string) bool { return slices.Contains(s.Settings.Frozen, m) == (CommandKind(verb) == Freeze) }
		return beginning(verb+" ", rest, slices.DeleteFunc(slices.Clone(Methods), frozen))
	case Try:
		if s.Best != nil {
			return beginning(verb+" ", rest, []string{fmt.Sprint(s.Best.Number)})
		}
	case Rebase:
		var possible []string
		if s.Best != nil {
			possible = append(possible, fmt.Sprint(s.Best.Number))
		}
		if s.Settings.Base != nil && !s.Settings.iterative() {
			possible = append(possible, none)
		}
		return beginning(verb+" ", rest, possible)
	case Cost:
		var names []string
		for _, l := range s.Layers {
			names = append(names, l.Name)
		}
		return beginning(verb+" ", rest, names)
	case Release:
		var limited []string
		for _, l := range s.Layers {
			if !s.Settings.Limits[l.Name].Free() {
				limited = append(limited, l.Name)
			}
		}
		return beginning(verb+" ", rest, limited)
	case Bound, pin:
		return s.completeLimits(verb+" ", rest)
	}
	return nil
}

// completeLimits completes a layer's name and what can be limited of it.
func (s *Snapshot) completeLimits(before, text string) []string {
	for _, l := range s.Layers {
		if after, ok := strings.CutPrefix(text, l.Name+" "); ok {
			at := strings.LastIndexByte(after, ' ') + 1
			before += l.Name + " " + after[:at]
			var left []string
			for _, name := range []string{"sparsity=", "weights=", "activations="} {
				if !strings.Contains(after[:at], name) {
					left = append(left, name)
				}
			}
			return beginning(before, after[at:], left)
		}
	}
	var names []string
	for _, l := range s.Layers {
		names = append(names, l.Name+" ")
	}
	return beginning(before, text, names)
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
