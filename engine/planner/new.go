package planner

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"galen/agents"
)

// New makes a planner for a run whose first episode is to come.
func New(ctx context.Context, o Options) (*Planner, error) {
	p := &Planner{
		settings: o.Settings, progress: o.Progress, worth: o.Settings.worth(), roundLength: cmp.Or(o.Round, usualRound),
		original: o.Original, sizes: o.Sizes, sensitivities: o.Sensitivities, layers: o.Layers,
	}
	var err error
	if p.space, err = p.settings.space(); err != nil {
		return nil, err
	}
	if err := p.applyBase(ctx); err != nil {
		return nil, err
	}
	if p.agent, err = p.newAgent(o.Budget); err != nil {
		return nil, fmt.Errorf("create the agent: %w", err)
	}
	return p, nil
}

func (p *Planner) newAgent(budget int) (agents.Agent, error) {
	reward, seed := p.settings.NewReward(), p.settings.Seed
	switch p.settings.Agent {
	case uniform:
		return agents.NewUniform(p.space), nil
	case random:
		return agents.NewRandom(p.space.Actions(), seed), nil
	case evolution:
		return agents.NewEvolution(p.space.Actions(), reward, seed), nil
	case dynamic:
		return &dynamicProgram{planner: p}, nil
	}
	if p.settings.Preset == Paper {
		return agents.NewDDPG(agents.Paper(p.features.count(), p.space.Actions()), reward, seed)
	}
	settings := agents.Defaults(p.features.count(), p.space.Actions())
	if p.settings.Iterative() {
		settings.WarmUp, settings.Noise = 0, roundNoise
		settings.NoiseDecay = math.Pow(roundEnd, 1/float64(p.roundLength))
		return agents.NewDDPG(settings, reward, seed)
	}
	settings.WarmUp, settings.Noise = 0, startNoise
	settings.NoiseDecay = math.Pow(endNoise, 1/float64(budget))
	return agents.NewDDPG(settings, reward, seed)
}

// Resume makes the planner that of a run with finished episodes, its agent in the state of a checkpoint.
func (p *Planner) Resume(checkpoint []byte, episodes []Episode) error {
	if err := p.agent.UnmarshalBinary(checkpoint); err != nil {
		return fmt.Errorf("restore the agent: %w", err)
	}
	p.episodes = episodes
	return nil
}

// Relearn makes the planner that of a run with finished episodes, from which its agent learns anew. progress is told
// how many it has learned from.
func (p *Planner) Relearn(ctx context.Context, episodes []Episode, progress func(done int)) error {
	p.episodes = episodes
	for i, e := range episodes {
		progress(i)
		if imitator, ok := p.agent.(imitator); ok && p.progress.Start.Imitated == e.Number {
			if err := p.imitate(ctx, imitator, p.prescribe(p.demonstration().Policy)); err != nil {
				return err
			}
		}
		as := p.prescribe(e.Policy)
		if p.window == nil { // otherwise they are relative to what may have been another base
			as.actions = e.Actions
		}
		plan, err := p.dryRun(ctx, as)
		if err != nil {
			return err
		}
		if err := p.learn(plan, e); err != nil {
			return fmt.Errorf("learn from episode %d: %w", e.Number, err)
		}
	}
	if p.window != nil {
		p.progress.RoundBase = p.base
	}
	return nil
}
