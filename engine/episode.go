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

// runEpisode lets the agent decide on every layer, compresses the network by that
// policy, scores and times it, and lets the agent learn from the outcome.
func (s *Search) runEpisode(ctx context.Context) (*store.Episode, error) {
	start := time.Now()
	actions, err := s.warmStart(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.decide(ctx, actions)
	if err != nil {
		return nil, err
	}
	noise := s.agent.Noise()
	s.doing("compressing", 0, 0)
	compressed, err := s.compressor.Compress(ctx, d.policy)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	s.doing("scoring", 0, 0)
	accuracy, err := evaluate(ctx, compressed.Graph, s.workload.validation)
	if err != nil {
		return nil, fmt.Errorf("score the compressed network: %w", err)
	}
	s.doing("measuring", 0, 0)
	m, err := s.measure(ctx, compressed.Graph)
	if err != nil {
		return nil, fmt.Errorf("measure the latency: %w", err)
	}
	s.doing("learning", 0, 0)
	outcome := agents.Outcome{
		Accuracy: accuracy.top1, ReferenceAccuracy: s.reference.Accuracy,
		Latency: m.Ratio, ReferenceLatency: 1,
	}
	if err := s.agent.Finish(agents.Episode{States: d.states, Actions: d.actions, Outcome: outcome}); err != nil {
		return nil, fmt.Errorf("learn from the episode: %w", err)
	}
	e := &store.Episode{
		Number: len(s.episodes) + 1, Actions: d.actions,
		Accuracy: accuracy.top1, LatencyMS: m.Candidate.Median, LatencyMAD: m.Candidate.MAD, LatencyRatio: m.Ratio,
		Samples: m.Samples, Flags: m.Flags,
		Reward: agents.Absolute(s.settings.Target, s.settings.Beta)(outcome), Noise: noise,
		Seconds: time.Since(start).Seconds(), Finished: time.Now().UTC(),
	}
	e.MACs, e.BOPs, e.Parameters = compressed.Graph.Totals()
	e.Layers = results(compressed.Graph, d.policy, s.layers, m)
	s.step = -1
	return e, nil
}

// patience is how often a measurement is tried while the device is throttled, as it may be
// for a few seconds after all cores have worked hard.
const patience = 3

// measure times a graph, again if the device was throttled; the last try counts.
func (s *Search) measure(ctx context.Context, g *graph.Graph) (m hw.Measurement, err error) {
	for range patience {
		if m, err = s.device.Measure(ctx, g); err != nil || !slices.Contains(m.Flags, hw.Throttled) {
			break
		}
	}
	return m, err
}

// decisions are what the agent chose in one episode, with what it saw.
type decisions struct {
	policy  compress.Policy
	states  [][]float64
	actions [][]float64 // after projection to what was really done
}

// decide asks the agent for each layer in turn, or takes the given actions if there are any.
func (s *Search) decide(ctx context.Context, given [][]float64) (*decisions, error) {
	d := &decisions{policy: compress.Uniform(s.workload.graph, 0, graph.FloatBits)}
	var previous []float64
	for step := range s.layers {
		s.step = step
		s.doing("deciding", step, len(s.layers))
		if err := s.boundary(ctx); err != nil {
			return nil, err
		}
		state := s.features.state(step, s.costs(d.policy), previous)
		var action []float64
		if given != nil {
			action = given[step]
		} else {
			action = s.agent.Act(state)
		}
		choice := s.allowed(step, s.space.Choice(action), d.policy)
		previous = s.space.Project(action, choice)
		d.policy[step].Sparsity = choice.Sparsity
		d.policy[step].WeightBits, d.policy[step].ActivationBits = choice.WeightBits, choice.ActivationBits
		d.states = append(d.states, state)
		d.actions = append(d.actions, previous)
	}
	return d, nil
}

// allowed bends a choice to what the layer admits: layers that are not prunable keep
// their channels, coupled layers follow their group's root, which was decided
// before them, and some must not go below eight bits.
func (s *Search) allowed(step int, c agents.Choice, decided compress.Policy) agents.Choice {
	layer := s.layers[step]
	switch {
	case !layer.Prunable:
		c.Sparsity = 0
	case !layer.Root:
		for i := range step {
			if other := s.layers[i]; other.Root && other.Group == layer.Group {
				c.Sparsity = decided[i].Sparsity
			}
		}
	}
	if c.Method == agents.Mixed && !layer.Mixable {
		c.Method, c.WeightBits, c.ActivationBits = agents.Int8, 8, 8
	}
	return c
}

// costs are what every layer would cost under a policy.
func (s *Search) costs(p compress.Policy) []work {
	macs := s.compressor.MACs(p)
	costs := make([]work, len(macs))
	for i, m := range macs {
		costs[i] = work{float64(m), float64(m) * float64(p[i].WeightBits*p[i].ActivationBits)}
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
