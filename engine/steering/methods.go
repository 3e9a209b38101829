package steering

import (
	"errors"
	"fmt"
	"slices"

	"galen/engine/planner"
)

// Commands about what the agent may do to any layer.
const (
	Freeze Kind = "freeze"
	Thaw   Kind = "thaw"
)

var (
	freeze = command{
		kind: Freeze, takes: "METHOD", does: "no more prune, fp32, int8 or mixed, on any layer",
		argument: methodsThat(false),
		apply: func(c Command, on Course, _ Search) (Change, error) {
			s := on.Settings
			if err := checkMethod(c.Name); err != nil {
				return Change{}, err
			}
			if slices.Contains(s.Frozen, c.Name) {
				return Change{}, fmt.Errorf("%s is frozen already", c.Name)
			}
			with := append(slices.Clone(s.Frozen), c.Name)
			if !slices.ContainsFunc(planner.Methods, func(m string) bool { return m != planner.Pruning && !slices.Contains(with, m) }) {
				return Change{}, errors.New("one of fp32, int8 and mixed has to be left")
			}
			s.Frozen = with
			return Change{c.Name + " is frozen", &Command{Kind: Thaw, Name: c.Name}}, nil
		},
	}
	thaw = command{
		kind: Thaw, takes: "METHOD", does: "allow a frozen method again",
		argument: methodsThat(true),
		apply: func(c Command, on Course, _ Search) (Change, error) {
			s := on.Settings
			if err := checkMethod(c.Name); err != nil {
				return Change{}, err
			}
			if !slices.Contains(s.Frozen, c.Name) {
				return Change{}, fmt.Errorf("%s is not frozen", c.Name)
			}
			s.Frozen = slices.DeleteFunc(slices.Clone(s.Frozen), func(m string) bool { return m == c.Name })
			return Change{c.Name + " is allowed again", &Command{Kind: Freeze, Name: c.Name}}, nil
		},
	}
)

// methodsThat are frozen, or are not.
func methodsThat(frozen bool) argument {
	return nameOf(func(on Course) []string {
		return slices.DeleteFunc(slices.Clone(planner.Methods), func(m string) bool { return slices.Contains(on.Settings.Frozen, m) != frozen })
	})
}

func checkMethod(method string) error {
	if !slices.Contains(planner.Methods, method) {
		return fmt.Errorf("method %q is unknown; choose from %v", method, planner.Methods)
	}
	return nil
}
