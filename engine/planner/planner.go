// Package planner decides what a search tries next: it asks the agent about every layer, keeps to what a
// person steers, moves policies onto the target by what earlier episodes cost, and lets the agent
// learn from what came of them. It knows a network as layers with costs and sensitivities; stores,
// devices and goroutines are the engine's.
package planner

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"galen/agents"
	"galen/engine/compress"
)

// Planner plans the episodes of one run. It belongs to the goroutine of its search.
type Planner struct {
	settings *Settings // as steered: read anew at every step
	progress *Progress
	steered  int   // how many commands have taken effect
	worth    worth // by which the agent judges what it remembers

	roundLength int // episodes that a base of an iterative agent serves

	original      Original
	sizes         func(compress.Policy) []compress.Size
	sensitivities Sensitivities

	space    agents.Space
	agent    agents.Agent
	base     compress.Policy // in force: what decisions start from
	window   *agents.Window  // around the base: what an iterative agent chooses from; nil for others
	layers   []Layer         // with the sensitivities in the network that the base makes
	features *features
	episodes []Episode
}

// Options are what a [Planner] is made from.
type Options struct {
	// Settings and Progress are the run's. Steering may change them between the steps of an episode and
	// tells the planner so by [Planner.Steered].
	Settings *Settings
	Progress *Progress
	Budget   int // episodes over which exploration decays
	Round    int // episodes that a base of an iterative agent serves; 0: 40

	Layers   []Layer // in the order in which they are decided on; their sensitivities come from Sensitivities
	Original Original
	Sizes    func(compress.Policy) []compress.Size // what a policy leaves of every layer
	Sensitivities
}

// Sensitivities finds how much each layer's compression changes the output of the network that a base makes, at
// the values of probes; without probes the network is the original one and the values are the usual ones.
type Sensitivities func(ctx context.Context, base compress.Policy, probes []compress.Probe) ([]compress.Curve, error)

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

// Plan is what to try in an episode: a policy, with what the agent saw and how it would have had to act.
type Plan struct {
	Policy  compress.Policy
	Actions [][]float64 // by layer: the agent's, after projection to what is really done
	Noise   float64     // the agent's exploration σ
	states  [][]float64
	trial   *trial // what of the search's beginning it is; nil: nothing
}

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

// Reward is what an accuracy and a latency ÷ the original's are worth.
func (p *Planner) Reward(accuracy, latency float64) float64 {
	return p.settings.NewReward()(p.outcome(accuracy, latency))
}

// outcome puts what an episode achieved beside the original; latencies are ratios to its.
func (p *Planner) outcome(accuracy, latency float64) agents.Outcome {
	return agents.Outcome{
		Accuracy: accuracy, ReferenceAccuracy: p.original.Accuracy,
		Latency: latency, ReferenceLatency: 1,
	}
}

// mostRewarded is the one of some episodes with the highest reward, as it is now; the first of equals.
func (p *Planner) mostRewarded(episodes []Episode) *Episode {
	best := &episodes[0]
	for i := range episodes {
		if e := &episodes[i]; p.Reward(e.Accuracy, e.Latency) > p.Reward(best.Accuracy, best.Latency) {
			best = e
		}
	}
	return best
}
