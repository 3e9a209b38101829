package planner

import (
	"context"
	"fmt"

	"galen/agents"
)

// Begin lets what decisions start from take effect. It may measure sensitivities.
func (p *Planner) Begin(ctx context.Context) error {
	if p.settings.Iterative() {
		return p.iterate(ctx)
	}
	return p.applyBase(ctx)
}

// Next decides on the layers of the next episode. atStep is called before each; commands may take effect there.
func (p *Planner) Next(ctx context.Context, atStep func(step int) error) (*Plan, error) {
	as, trial, err := p.prescribed(ctx)
	if err != nil {
		return nil, err
	}
	plan, err := p.decide(ctx, as, atStep)
	if err != nil {
		return nil, err
	}
	if as.actions == nil {
		if plan, err = p.refine(ctx, plan); err != nil {
			return nil, err
		}
	}
	plan.trial, plan.Noise = trial, p.agent.Noise()
	return plan, nil
}

// prescribed is what the next episode is to be: a policy that a person wants tried, a trial that the search begins
// with, or what the agent makes of it.
func (p *Planner) prescribed(ctx context.Context) (prescription, *trial, error) {
	if queue := p.progress.Queue; len(queue) > 0 {
		p.progress.Queue = queue[1:]
		return p.prescribe(queue[0]), nil, nil
	}
	if p.settings.Iterative() && !p.beginning() {
		return prescription{}, nil, nil
	}
	trial, actions, err := p.warmStart(ctx)
	return prescription{actions: actions}, trial, err
}

// Learn lets the agent learn what came of a plan.
func (p *Planner) Learn(plan *Plan, e Episode) error {
	if plan.trial != nil {
		p.progress.tried(*plan.trial, e.Latency)
	}
	if err := p.learn(plan, e); err != nil {
		return err
	}
	p.episodes = append(p.episodes, e)
	return nil
}

func (p *Planner) learn(plan *Plan, e Episode) error {
	return p.agent.Finish(agents.Episode{
		States: plan.states, Actions: plan.Actions, Outcome: p.outcome(e.Accuracy, e.Latency), Costs: e.Costs,
	})
}

// Checkpoint is the state of the agent between two episodes.
func (p *Planner) Checkpoint() ([]byte, error) {
	checkpoint, err := p.agent.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encode the agent: %w", err)
	}
	return checkpoint, nil
}
