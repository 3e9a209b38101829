package engine

import (
	"context"
	"fmt"
	"math"
	"slices"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/onnx"
	"galen/hw"
	"galen/hw/graph"
	"galen/store"
)

// prepare brings a search to where episodes can run: it opens the device, evaluates the
// uncompressed model, measures sensitivities, and creates the agent or restores it.
// What an earlier session found is taken from the store.
func (s *Search) prepare(ctx context.Context) error {
	s.doing("calibrating", 0, 0)
	w := s.workload
	var err error
	if s.compressor, err = newCompressor(w, s.settings); err != nil {
		return err
	}
	s.layers = describe(w.graph, s.compressor.Layers())
	s.doing("opening the device", 0, 0)
	if s.device, err = hw.Open(s.settings.Device, w.graph, hw.Options{EncodeONNX: onnx.Encode}); err != nil {
		return fmt.Errorf("open the device: %w", err)
	}
	s.fingerprint = s.device.Fingerprint()
	s.note(logInfo, "measured on %s", s.fingerprint)
	if err := s.boundary(ctx); err != nil {
		return err
	}
	if err := s.evaluateReference(ctx); err != nil {
		return err
	}
	if err := s.boundary(ctx); err != nil {
		return err
	}
	if s.space, err = s.settings.space(); err != nil {
		return err
	}
	if err := s.applyBase(ctx); err != nil {
		return err
	}
	agent, err := s.newAgent(ctx)
	if err != nil {
		return err
	}
	s.agent = agent
	if s.state == Preparing {
		s.state = Running
	}
	return nil
}

// newCompressor observes the original network on the calibration images.
func newCompressor(w *workload, s Settings) (*compress.Compressor, error) {
	_, _, weights := w.graph.Totals()
	o := compress.Options{RoundTo: s.RoundTo, Repair: s.repair(weights)}
	if w.layers != "" {
		var err error
		// Other repairs can do without.
		if o.Database, err = compress.OpenDatabase(w.layers, 0); err != nil && o.Repair == compress.Independent {
			return nil, err
		}
	}
	c, err := compress.New(w.graph, w.calibration.pixels, w.calibration.len(), o)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	return c, nil
}

// evaluateReference scores and times the uncompressed model, once per run.
func (s *Search) evaluateReference(ctx context.Context) error {
	g := s.workload.graph
	if s.reference == nil {
		s.doing("evaluating the original", 0, 0)
		accuracy, err := evaluate(ctx, g, s.workload.validation)
		if err != nil {
			return fmt.Errorf("evaluate the original model: %w", err)
		}
		s.doing("timing the original", 0, 0)
		m, err := s.measure(ctx, g)
		if err != nil {
			return fmt.Errorf("time the original model: %w", err)
		}
		r := &store.Reference{Accuracy: accuracy.top1, LatencyMS: m.Reference.Median}
		r.MACs, r.BOPs, r.Parameters = g.Totals()
		for _, l := range m.ReferenceLayers {
			r.LayerMS = append(r.LayerMS, l.MS)
		}
		if err := s.insist(ctx, "the reference", func() error { return s.db.SetReference(s.run.ID, r) }); err != nil {
			return err
		}
		s.reference = r
		s.note(logInfo, "the original classifies %.2f %% right, in %.4g ms", 100*r.Accuracy, r.LatencyMS)
	}
	s.publish()
	return nil
}

// measureSensitivity finds how much each layer's compression changes the output of the
// network that the base makes, unless the store knows.
func (s *Search) measureSensitivity(ctx context.Context) error {
	stored, err := optional(s.db.Layers(s.run.ID))
	if err != nil {
		return err
	}
	probes, around, err := s.probes()
	if err != nil {
		return err
	}
	if stored == nil || stored[0].Sensitivity.Around != around {
		began := s.clock.read()
		curves, err := s.curves(ctx, probes)
		if err != nil {
			return err
		}
		stored = slices.Clone(s.layers)
		for i, c := range curves {
			stored[i].Sensitivity = store.Sensitivity{
				Sparsity: c.Sparsity, ActivationBits: c.ActivationBits, WeightBits: c.WeightBits,
				Int8: c.Int8, Float: c.Float, Around: around,
			}
		}
		if err := s.insist(ctx, "what was found out about the layers", func() error { return s.db.SetLayers(s.run.ID, stored) }); err != nil {
			return err
		}
		s.note(logInfo, "the sensitivity of %d layers took %.1f s", len(curves), (s.clock.read() - began).Seconds())
	}
	s.layers = stored
	s.features = newFeatures(s.space.Kind, s.workload.graph, s.layers)
	s.publish()
	return nil
}

// curves measures sensitivities in the network that the base makes, or, without probes, in
// the original.
func (s *Search) curves(ctx context.Context, probes []compress.Probe) ([]compress.Curve, error) {
	m := s.workload.sensitivity
	progress := func(done, total int) error {
		s.doing("sensitivity", done, total)
		return s.boundary(ctx)
	}
	if probes == nil {
		return s.compressor.Sensitivity(ctx, m.pixels, m.len(), s.settings.MaxBits, progress)
	}
	return s.compressor.SensitivityAround(ctx, s.base, probes, m.pixels, m.len(), progress)
}

// newAgent creates the agent, in the state of the run's latest checkpoint if it has one.
// A fork from an earlier episode has none: its agent learns from the episodes anew.
func (s *Search) newAgent(ctx context.Context) (agents.Agent, error) {
	agent, err := s.freshAgent()
	if err != nil {
		return nil, fmt.Errorf("create the agent: %w", err)
	}
	if len(s.episodes) == 0 {
		return agent, nil
	}
	checkpoint, err := optional(s.db.Checkpoint(s.run.ID))
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	if checkpoint == nil {
		return agent, s.relive(ctx, agent)
	}
	if err := agent.UnmarshalBinary(checkpoint); err != nil {
		return nil, fmt.Errorf("restore the agent: %w", err)
	}
	return agent, nil
}

// relive teaches an agent the finished episodes.
func (s *Search) relive(ctx context.Context, agent agents.Agent) error {
	for i, e := range s.episodes {
		s.doing("learning from the episodes so far", i, len(s.episodes))
		if imitator, ok := agent.(imitator); ok && s.progress.Start.Imitated == e.Number {
			if err := s.imitate(ctx, imitator, s.planned(policyOf(s.guide()))); err != nil {
				return err
			}
		}
		p := s.planned(policyOf(e))
		p.rehearsal = true
		if s.around == nil { // otherwise they are relative to what may have been another policy
			p.actions = e.Actions
		}
		d, err := s.decide(ctx, p)
		if err != nil {
			return err
		}
		lesson := agents.Episode{States: d.states, Actions: d.actions, Outcome: s.outcome(e.Accuracy, e.LatencyRatio), Costs: costsOf(e.Layers)}
		if err := agent.Finish(lesson); err != nil {
			return fmt.Errorf("learn from episode %d: %w", e.Number, err)
		}
	}
	if s.around != nil {
		s.progress.Centre = s.base
	}
	return nil
}

func (s *Search) freshAgent() (agents.Agent, error) {
	reward, seed := s.settings.reward(), s.settings.Seed
	switch s.settings.Agent {
	case uniform:
		return agents.NewUniform(s.space), nil
	case random:
		return agents.NewRandom(s.space.Actions(), seed), nil
	case evolution:
		return agents.NewEvolution(s.space.Actions(), reward, seed), nil
	case dynamic:
		return &dynamicProgram{search: s}, nil
	}
	if s.settings.Preset == paper {
		return agents.NewDDPG(agents.Paper(s.features.count(), s.space.Actions()), reward, seed)
	}
	if s.settings.iterative() {
		settings := agents.Defaults(s.features.count(), s.space.Actions())
		settings.WarmUp, settings.Noise = 0, roundNoise
		settings.NoiseDecay = math.Pow(roundEnd, 1/float64(roundLength))
		return agents.NewDDPG(settings, reward, seed)
	}
	settings := agents.Defaults(s.features.count(), s.space.Actions())
	settings.WarmUp, settings.Noise = 0, startNoise
	// Of the budget that is stored, as it would be if the run were interrupted now.
	settings.NoiseDecay = math.Pow(endNoise, 1/float64(s.run.Budget))
	return agents.NewDDPG(settings, reward, seed)
}

// describe gathers what does not change about the layers during a run.
func describe(g *graph.Graph, infos []compress.LayerInfo) []Layer {
	layers := make([]Layer, len(infos))
	for i, info := range infos {
		node := &g.Nodes[info.Node]
		w := node.Weight()
		layers[i] = Layer{
			Name: info.Layer, Kind: node.Op.Kind(), Kernel: [2]int{1, 1}, In: w.Shape[1], Out: w.Shape[0],
			MACs: g.MACs(info.Node), Group: info.Group, Coupled: info.Coupled, Root: info.Root,
			Prunable: info.Prunable, Mixable: info.MayMix, Why: info.Why,
		}
		if c, ok := node.Op.(*graph.Conv); ok {
			layers[i].Kernel = c.Kernel
			layers[i].In *= c.Groups
		}
	}
	return layers
}
