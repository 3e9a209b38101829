package engine

import (
	"context"
	"fmt"
	"slices"

	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/records"
	"galen/engine/workload"
	"galen/hw"
	"galen/hw/graph"
	"galen/store"
)

// evaluator finds out what policies make of a network: it compresses, scores and times.
type evaluator struct {
	workload   *workload.Workload
	compressor *compress.Compressor
	device     hw.Device
}

// newCompressor observes the original network on the calibration images. solved is the folder of the compressed-layer
// database; empty: there is none.
func newCompressor(w *workload.Workload, s Settings, solved string) (*compress.Compressor, error) {
	_, _, weights := w.Graph.Totals()
	o := compress.Options{RoundTo: s.RoundTo, Repair: s.repair(weights)}
	if solved != "" {
		var err error
		// Other repairs can do without.
		if o.Database, err = compress.OpenDatabase(solved, 0); err != nil && o.Repair == compress.Independent {
			return nil, err
		}
	}
	c, err := compress.New(w.Graph, w.Calibration.Pixels, w.Calibration.Len(), o)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	return c, nil
}

// original scores and times the uncompressed network; doing is told what it does.
func (v *evaluator) original(ctx context.Context, doing func(string)) (*store.Reference, error) {
	g := v.workload.Graph
	doing("evaluating the original")
	score, err := workload.Evaluate(ctx, g, v.workload.Validation)
	if err != nil {
		return nil, fmt.Errorf("evaluate the original model: %w", err)
	}
	doing("timing the original")
	m, err := patiently(ctx, v.device.Measure, g)
	if err != nil {
		return nil, fmt.Errorf("time the original model: %w", err)
	}
	r := &store.Reference{Accuracy: score.Top1, LatencyMS: m.Reference.Median}
	r.MACs, r.BOPs, r.Parameters = g.Totals()
	for _, l := range m.ReferenceLayers {
		r.LayerMS = append(r.LayerMS, l.MS)
	}
	return r, nil
}

// try compresses the network by a policy, scores and times it, and fills in what that shows of an episode. doing is
// told what it does, and the laps of the timing are taken.
func (v *evaluator) try(ctx context.Context, e *store.Episode, policy structure.Policy, layers []Layer, laps *laps, doing func(string)) error {
	doing("compressing")
	compressed, err := v.compressor.Compress(ctx, policy)
	if err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	e.Timing.Compressing = laps.next()
	doing("scoring")
	score, err := workload.Evaluate(ctx, compressed.Graph, v.workload.Validation)
	if err != nil {
		return fmt.Errorf("score the compressed network: %w", err)
	}
	e.Timing.Scoring = laps.next()
	doing("measuring")
	m, err := patiently(ctx, v.device.Measure, compressed.Graph)
	if err != nil {
		return fmt.Errorf("measure the latency: %w", err)
	}
	e.Timing.Measuring = laps.next()
	e.Accuracy, e.LatencyMS, e.LatencyMAD, e.LatencyRatio = score.Top1, m.Candidate.Median, m.Candidate.MAD, m.Ratio
	e.Samples, e.Flags = m.Samples, m.Flags
	e.MACs, e.BOPs, e.Parameters = compressed.Graph.Totals()
	e.Layers = results(compressed.Graph, policy, layers, m)
	return nil
}

// confirm scores an episode's policy on the reserve and times it thoroughly. Of several timings
// the surest stays: one that nothing was wrong with, else the one with the least error. So many episodes have finished.
func (v *evaluator) confirm(ctx context.Context, e *store.Episode, finished int) (*store.Confirmation, error) {
	compressed, err := v.compressor.Compress(ctx, records.PolicyOf(e))
	if err != nil {
		return nil, err
	}
	c, again := &store.Confirmation{Accuracy: e.Accuracy}, e.Confirmed != nil
	if again {
		*c = *e.Confirmed
		c.Looks = max(c.Looks, 1)
	} else if reserve := v.workload.Reserve; reserve != nil {
		score, err := workload.Evaluate(ctx, compressed.Graph, reserve)
		if err != nil {
			return nil, err
		}
		c.Accuracy, c.Images = score.Top1, reserve.Len()
	}
	m, err := patiently(ctx, v.device.MeasureThoroughly, compressed.Graph)
	if err != nil {
		return nil, err
	}
	c.Looks, c.Episodes = c.Looks+1, finished
	if !again || len(m.Flags) == 0 || m.RatioError < c.RatioError {
		c.LatencyMS, c.LatencyMAD = m.Candidate.Median, m.Candidate.MAD
		c.LatencyRatio, c.RatioError = m.Ratio, m.RatioError
		c.Samples, c.Flags = len(m.Samples), m.Flags
	}
	return c, nil
}

// attempts is how often a measurement is tried while the device is throttled, as it may be
// for a few seconds after all cores have worked hard.
const attempts = 3

// patiently measures a graph, again if the device was throttled; the surest attempt counts.
func patiently(ctx context.Context, measure func(context.Context, *graph.Graph) (hw.Measurement, error), g *graph.Graph) (surest hw.Measurement, err error) {
	for attempt := range attempts {
		m, err := measure(ctx, g)
		if err != nil {
			return hw.Measurement{}, err
		}
		if !slices.Contains(m.Flags, hw.Throttled) {
			return m, nil
		}
		if attempt == 0 || m.RatioError < surest.RatioError {
			surest = m
		}
	}
	return surest, nil
}

// results lists what the policy did to each layer and what it costs on the device.
func results(g *graph.Graph, p structure.Policy, layers []Layer, m hw.Measurement) []store.LayerResult {
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
