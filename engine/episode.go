package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"galen/engine/compress"
	"galen/engine/records"
	"galen/hw"
	"galen/hw/graph"
	"galen/store"
)

// runEpisode compresses the network by the policy that is planned next, scores and times it, and lets the agent learn
// from the outcome.
func (s *Search) runEpisode(ctx context.Context) (*store.Episode, error) {
	if err := s.planner.Begin(ctx); err != nil {
		return nil, err
	}
	laps := startLaps(&s.clock)
	timing := &store.Timing{Committing: s.committing.Seconds()}
	plan, err := s.planner.Next(ctx, func(step int) error {
		s.step = step
		s.doing("deciding", step, len(s.layers))
		return s.boundary(ctx)
	})
	if err != nil {
		return nil, err
	}
	timing.Deciding = laps.next()
	s.doing("compressing", 0, 0)
	compressed, err := s.compressor.Compress(ctx, plan.Policy)
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
	s.doing("learning", 0, 0)
	e := &store.Episode{
		Number: len(s.episodes) + 1, Actions: plan.Actions, Layers: results(compressed.Graph, plan.Policy, s.layers, m),
		Accuracy: accuracy.top1, LatencyMS: m.Candidate.Median, LatencyMAD: m.Candidate.MAD, LatencyRatio: m.Ratio,
		Samples: m.Samples, Flags: m.Flags, Noise: plan.Noise,
	}
	e.MACs, e.BOPs, e.Parameters = compressed.Graph.Totals()
	if err := s.planner.Learn(plan, records.Episode(e)); err != nil {
		return nil, fmt.Errorf("learn from the episode: %w", err)
	}
	e.Reward = s.planner.Reward(e.Accuracy, e.LatencyRatio)
	timing.Learning = laps.next()
	e.Seconds, e.Timing, e.Finished = laps.total(), timing, time.Now().UTC()
	s.step = -1
	return e, nil
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
