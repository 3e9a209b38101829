package planner

import (
	"context"
	"slices"

	"galen/agents"
	"galen/engine/compress/structure"
)

// prescription is what to do in an episode instead of asking the agent. The zero value asks it.
type prescription struct {
	actions [][]float64     // by layer, of the space; nil: the agent's
	choices []agents.Choice // by layer: what the actions mean, limits or not; nil: what the space says
}

// prescribe makes a policy what to do.
func (p *Planner) prescribe(policy structure.Policy) prescription {
	var as prescription
	for _, layer := range policy {
		c := choiceOf(layer)
		as.choices, as.actions = append(as.choices, c), append(as.actions, p.space.Action(c))
	}
	return as
}

// decide goes through the layers and chooses for each as prescribed. atStep is called before each; nil: nothing will be
// tried, and commands wait, since they take effect at the steps of episodes.
func (p *Planner) decide(ctx context.Context, as prescription, atStep func(step int) error) (*Plan, error) {
	plan := &Plan{Policy: slices.Clone(p.base)}
	if atStep == nil {
		atStep = func(int) error { return ctx.Err() }
	}
	var previous []float64
	for step := range p.layers {
		if err := atStep(step); err != nil {
			return nil, err
		}
		state := p.features.state(step, p.work(plan.Policy), previous)
		var asked, proposed []float64
		if as.actions != nil {
			asked = as.actions[step]
		} else {
			proposed = p.agent.Act(state)
			asked = p.inSpace(step, proposed)
		}
		var c agents.Choice
		if as.choices != nil {
			c = as.choices[step]
		} else {
			c = p.meaning(step, asked, plan.Policy)
		}
		previous = p.asAgent(step, p.space.Project(asked, c), asked, proposed)
		choose(&plan.Policy[step], c)
		plan.states = append(plan.states, state)
		plan.Actions = append(plan.Actions, previous)
	}
	return plan, nil
}

// dryRun decides as prescribed without anything being tried.
func (p *Planner) dryRun(ctx context.Context, as prescription) (*Plan, error) {
	return p.decide(ctx, as, nil)
}
