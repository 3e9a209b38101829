package steering

import (
	"errors"
	"fmt"
	"slices"

	"galen/engine/compress/structure"
	"galen/engine/planner"
	"galen/engine/records"
	"galen/store"
)

// Commands about whole policies.
const (
	Try  Kind = "try"
	Base Kind = "base"
)

var (
	try = command{
		kind: Try, takes: "EPISODE", does: "repeat an episode's policy as the next episode", argument: policy,
		check: func(c Command, on Course, s Search) error {
			policy, _, err := on.named(c)
			if err != nil {
				return err
			}
			return s.MayTry(policy)
		},
		apply: func(c Command, on Course, _ Search) (Change, error) {
			policy, what, err := on.named(c)
			if err != nil {
				return Change{}, err
			}
			on.Progress.Queue = append(slices.Clone(on.Progress.Queue), policy)
			return Change{Effect: what}, nil
		},
	}
	base = command{
		kind: Base, takes: "EPISODE", does: "start decisions from an episode's policy, or from none", argument: policyOrNone,
		check: func(c Command, _ Course, s Search) error {
			if c.Policy == nil {
				return nil
			}
			return s.MayBase(c.Policy)
		},
		apply: applyBase,
	}
)

// none takes the base back.
const none = "none"

// policyOrNone is a policy, or none.
var policyOrNone = argument{
	parse: func(c *Command, text string) error {
		if text == none {
			c.Name = none
			return nil
		}
		return policy.parse(c, text)
	},
	format: func(c Command) string {
		if c.Name == none {
			return none
		}
		return policy.format(c)
	},
	complete: func(on Course, before, typed string) []string {
		possible := policy.complete(on, before, typed)
		if on.Settings.Base != nil && !on.Settings.Iterative() {
			possible = append(possible, beginning(before, typed, []string{none})...)
		}
		return possible
	},
}

// named is the policy that a command names.
func (on Course) named(c Command) (p structure.Policy, what string, err error) {
	if c.Policy != nil {
		for i := range c.Policy {
			switch {
			case i >= len(on.Layers) || c.Policy[i].Layer != on.Layers[i].Name || len(c.Policy) != len(on.Layers):
				return nil, "", fmt.Errorf("the policy does not name the model's %d layers in their order", len(on.Layers))
			case c.Policy[i].Kept != nil:
				return nil, "", fmt.Errorf("the policy lists the channels that %s keeps: a search decides by sparsity which, so give that instead", on.Layers[i].Name)
			}
		}
		return c.Policy, "a policy to try next", nil
	}
	n := int(c.Value)
	at, found := slices.BinarySearchFunc(on.Episodes, n, func(e *store.Episode, n int) int { return e.Number - n })
	if !found {
		return nil, "", fmt.Errorf("there is no episode %d; %d have finished", n, len(on.Episodes))
	}
	return records.PolicyOf(on.Episodes[at]), fmt.Sprintf("the policy of episode %d is tried next", n), nil
}

// applyBase makes an episode's policy the base, or a given one, or none.
func applyBase(c Command, on Course, _ Search) (Change, error) {
	s := on.Settings
	before := s.Base
	var now *planner.Base
	switch {
	case c.Name == none && s.Iterative():
		return Change{}, fmt.Errorf("the %s agent always moves around some policy: name an episode", s.Agent)
	case c.Name == none && before == nil:
		return Change{}, errors.New("there is no base")
	case c.Name != none:
		policy, _, err := on.named(c)
		if err != nil {
			return Change{}, err
		}
		now = &planner.Base{Policy: policy}
		if c.Policy == nil {
			now.Episode = int(c.Value)
		}
	}
	s.Base = now
	if err := s.Check(); err != nil {
		s.Base = before
		return Change{}, err
	}
	change := Change{Effect: fmt.Sprintf("%s → %s with the next episode", before, now)}
	if before == nil && s.Iterative() {
		return change, nil
	}
	change.Undo = &Command{Kind: Base}
	switch {
	case before == nil:
		change.Undo.Name = none
	case before.Run == "" && before.Episode > 0 && before.Episode <= len(on.Episodes):
		change.Undo.Value = float64(before.Episode)
	default:
		change.Undo.Policy = before.Policy
	}
	return change, nil
}
