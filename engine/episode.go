package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"galen/agents"
	"galen/engine/compress"
	"galen/hw"
	"galen/hw/graph"
	"galen/store"
)

// begin lets what decisions start from take effect.
func (s *Search) begin(ctx context.Context) error {
	if s.settings.iterative() {
		return s.iterate(ctx)
	}
	return s.applyBase(ctx)
}

// runEpisode lets the agent decide on every layer, compresses the network by that
// policy, scores and times it, and lets the agent learn from the outcome.
func (s *Search) runEpisode(ctx context.Context) (*store.Episode, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	laps := startLaps(&s.clock)
	timing := &store.Timing{Committing: s.committing.Seconds()}
	next, err := s.nextPlan(ctx)
	if err != nil {
		return nil, err
	}
	timing.Learning = laps.next() // what there is to imitate
	d, err := s.decide(ctx, next)
	if err != nil {
		return nil, err
	}
	if next.actions == nil {
		if d, err = s.refine(ctx, d); err != nil {
			return nil, err
		}
	}
	timing.Deciding = laps.next()
	noise := s.agent.Noise()
	s.doing("compressing", 0, 0)
	compressed, err := s.compressor.Compress(ctx, d.policy)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	timing.Compressing = laps.next()
	s.doing("scoring", 0, 0)
	accuracy, err := evaluate(ctx, compressed.Graph, s.workload.validation)
	if err != nil {
		return nil, fmt.Errorf("score the compressed network: %w", err)
	}
	timing.Scoring = laps.next()
	s.doing("measuring", 0, 0)
	m, err := s.measure(ctx, compressed.Graph)
	if err != nil {
		return nil, fmt.Errorf("measure the latency: %w", err)
	}
	timing.Measuring = laps.next()
	if next.trial != nil {
		s.progress.tried(*next.trial, m.Ratio)
	}
	s.doing("learning", 0, 0)
	outcome, layers := s.outcome(accuracy.top1, m.Ratio), results(compressed.Graph, d.policy, s.layers, m)
	if err := s.agent.Finish(agents.Episode{States: d.states, Actions: d.actions, Outcome: outcome, Costs: costsOf(layers)}); err != nil {
		return nil, fmt.Errorf("learn from the episode: %w", err)
	}
	timing.Learning += laps.next()
	e := &store.Episode{
		Number: len(s.episodes) + 1, Actions: d.actions,
		Accuracy: accuracy.top1, LatencyMS: m.Candidate.Median, LatencyMAD: m.Candidate.MAD, LatencyRatio: m.Ratio,
		Samples: m.Samples, Flags: m.Flags,
		Reward: s.settings.reward()(outcome), Noise: noise,
		Seconds: laps.total(), Timing: timing, Finished: time.Now().UTC(),
	}
	e.MACs, e.BOPs, e.Parameters = compressed.Graph.Totals()
	e.Layers = layers
	s.step = -1
	return e, nil
}

// costsOf are what layers cost: milliseconds, or bit operations where the device times none.
func costsOf(layers []store.LayerResult) []float64 {
	times, operations := make([]float64, len(layers)), make([]float64, len(layers))
	for i, r := range layers {
		times[i] = max(r.MS, 0)
		operations[i] = float64(r.MACs) * float64(r.WeightBits*r.ActivationBits)
	}
	if slices.Max(times) > 0 {
		return times
	}
	return operations
}

// outcome puts what an episode achieved beside the original; latencies are ratios to its.
func (s *Search) outcome(accuracy, latencyRatio float64) agents.Outcome {
	return agents.Outcome{
		Accuracy: accuracy, ReferenceAccuracy: s.reference.Accuracy,
		Latency: latencyRatio, ReferenceLatency: 1,
	}
}

// patience is how often a measurement is tried while the device is throttled, as it may be
// for a few seconds after all cores have worked hard.
const patience = 3

// measure times a graph, again if the device was throttled; the surest try counts.
func (s *Search) measure(ctx context.Context, g *graph.Graph) (m hw.Measurement, err error) {
	return patiently(ctx, s.device.Measure, g)
}

func patiently(ctx context.Context, measure func(context.Context, *graph.Graph) (hw.Measurement, error), g *graph.Graph) (surest hw.Measurement, err error) {
	for try := range patience {
		m, err := measure(ctx, g)
		if err != nil {
			return hw.Measurement{}, err
		}
		if !slices.Contains(m.Flags, hw.Throttled) {
			return m, nil
		}
		if try == 0 || m.RatioError < surest.RatioError {
			surest = m
		}
	}
	return surest, nil
}

// plan says who decides in an episode. The zero value leaves it to the agent.
type plan struct {
	actions [][]float64     // of the space: what to do instead of asking the agent; nil: ask
	choices []agents.Choice // what the actions mean, limits or not; nil: what the space says
	trial   *trial          // what the actions are of the search's beginning; nil: nothing
	// rehearsal tells that only states are wanted: nothing is shown, and commands wait, since they
	// take effect at the steps of episodes.
	rehearsal bool
}

// nextPlan prepares the next episode: a policy that a person wants tried, a trial that the search begins
// with, or what the agent makes of it.
func (s *Search) nextPlan(ctx context.Context) (plan, error) {
	if queue := s.progress.Queue; len(queue) > 0 {
		s.progress.Queue = queue[1:]
		return s.planned(queue[0]), nil
	}
	if s.settings.iterative() && !s.beginning() {
		return plan{}, nil
	}
	trial, actions, err := s.warmStart(ctx)
	return plan{actions: actions, trial: trial}, err
}

// decisions are what was chosen in one episode, with what the agent saw.
type decisions struct {
	policy  compress.Policy
	states  [][]float64
	actions [][]float64 // the agent's, after projection to what was really done
}

// decide goes through the layers and asks for each what the plan says.
func (s *Search) decide(ctx context.Context, p plan) (*decisions, error) {
	d := &decisions{policy: slices.Clone(s.base)}
	var previous []float64
	for step := range s.layers {
		if err := s.atStep(ctx, step, p.rehearsal); err != nil {
			return nil, err
		}
		state := s.features.state(step, s.costs(d.policy), previous)
		var action, proposed []float64
		if p.actions != nil {
			action = p.actions[step]
		} else {
			proposed = s.agent.Act(state)
			action = s.meant(step, proposed)
		}
		var choice agents.Choice
		if p.choices != nil {
			choice = p.choices[step]
		} else {
			choice = s.allowed(step, s.onBase(step, s.space.Choice(action)), d.policy)
		}
		previous = s.own(step, s.space.Project(action, choice), action, proposed)
		d.policy[step].Sparsity = choice.Sparsity
		d.policy[step].WeightBits, d.policy[step].ActivationBits = choice.WeightBits, choice.ActivationBits
		d.states = append(d.states, state)
		d.actions = append(d.actions, previous)
	}
	return d, nil
}

// meant is the action of the space that an agent's means.
func (s *Search) meant(step int, action []float64) []float64 {
	if s.around == nil {
		return action
	}
	return s.around.Widen(step, action)
}

// own is an action of the space as the agent would have to take it: what it proposed as far as the action is
// what that asked for.
func (s *Search) own(step int, action, asked, proposed []float64) []float64 {
	if s.around == nil {
		return action
	}
	own := s.around.Narrow(step, action)
	for i := range proposed {
		if action[i] == asked[i] {
			own[i] = proposed[i]
		}
	}
	return own
}

// atStep announces a step and lets commands take effect.
func (s *Search) atStep(ctx context.Context, step int, rehearsal bool) error {
	if rehearsal {
		return ctx.Err()
	}
	s.step = step
	s.doing("deciding", step, len(s.layers))
	return s.boundary(ctx)
}

// costs are what every layer would cost under a policy.
func (s *Search) costs(p compress.Policy) []work {
	sizes := s.compressor.Sizes(p)
	costs := make([]work, len(sizes))
	for i, size := range sizes {
		macs := float64(size.MACs)
		costs[i] = work{macs, macs * float64(p[i].WeightBits*p[i].ActivationBits)}
	}
	return costs
}

// results lists what the policy did to each layer and what it costs on the device.
func results(g *graph.Graph, p compress.Policy, layers []Layer, m hw.Measurement) []store.LayerResult {
	results := make([]store.LayerResult, len(p))
	for i, node := range g.Layers() {
		kept := g.Nodes[node].Weight().Shape[0]
		results[i] = store.LayerResult{
			Name: layers[i].Name, Asked: p[i].Sparsity, Kept: kept, Channels: layers[i].Out,
			Sparsity:   1 - float64(kept)/float64(layers[i].Out),
			WeightBits: p[i].WeightBits, ActivationBits: p[i].ActivationBits,
			MACs: g.MACs(node),
		}
		if i < len(m.Layers) {
			results[i].Kernel, results[i].MS = m.Layers[i].Kernel, m.Layers[i].MS
		}
	}
	return results
}
