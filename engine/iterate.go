package engine

import (
	"context"
	"slices"
	"strings"

	"galen/agents"
	"galen/engine/compress"
	"galen/hw/graph"
	"galen/store"
)

// An iterative agent does not choose from the whole range of a layer's parameters but moves
// them a little around a reference policy, where sensitivities are measured at ten levels
// as well: they tell more of the next step than those of the uncompressed network. After every
// round of episodes the best policy so far becomes the reference. The first one is the base or,
// without one, the best policy that the search began with.

// roundLength is how many episodes a reference serves; tests have no time for so many.
var roundLength = 40

// The exploration σ in a round, of an action that moves within its reach: at its beginning, and the share
// that is left at its end.
const (
	roundNoise = 0.5
	roundEnd   = 0.2
)

// reach is how far an iterative agent moves a parameter in either direction, as a share of its range;
// farther where steps, of channels or bits, are coarse: three quarters of one, from the
// middle of one well into the next.
const (
	reach     = 0.1
	reachStep = 0.75
)

const iterativeSuffix = "-iterative"

// iterative tells whether the agent moves around a reference.
func (s Settings) iterative() bool { return strings.HasSuffix(s.Agent, iterativeSuffix) }

// beginning tells whether an iterative agent's first reference is still being searched.
func (s *Search) beginning() bool {
	return s.settings.Base == nil && s.settings.Preset != paper && s.progress.Round == 0
}

// window is the neighbourhood of a policy that an iterative agent chooses from.
func (s *Search) window(reference compress.Policy) *agents.Window {
	w := &agents.Window{}
	for l, p := range reference {
		c := choiceOf(p)
		c.Sparsity = middle(p.Sparsity, s.layers[l].Out, s.settings.RoundTo)
		centre := s.space.Action(c)
		reaches := slices.Repeat([]float64{max(reach, reachStep*s.space.Step())}, len(centre))
		if s.space.Kind.Prunes() {
			step := min(float64(s.settings.RoundTo)/float64(s.layers[l].Out), 1)
			reaches[0] = max(reach, reachStep*step)
		}
		w.Centre, w.Reach = append(w.Centre, centre), append(w.Reach, reaches)
	}
	return w
}

// middle is that of the sparsities which keep as many of the channels as a given one.
func middle(sparsity float64, channels, roundTo int) float64 {
	steps := (compress.Kept(sparsity, channels, roundTo) + roundTo - 1) / roundTo
	step := float64(roundTo) / float64(channels)
	return (max(1-float64(steps)*step, 0) + 1 - float64(steps-1)*step) / 2
}

// iterate lets an iterative agent's reference take effect: one that was steered to, the first, or
// when a round is over the best so far.
func (s *Search) iterate(ctx context.Context) error {
	for {
		before, steered := s.settings.Base, s.steered()
		begins := s.chooseReference()
		chosen := s.settings.Base
		if err := s.applyBase(ctx); err != nil {
			return err
		}
		switch {
		case s.steered() == steered && begins:
			return s.beginRound(ctx)
		case s.steered() == steered:
			return nil
		case s.settings.Base == chosen:
			// What was commanded while sensitivities were measured takes effect before the choice, as
			// it will if the run is resumed here.
			s.settings.Base = before
		}
	}
}

// steered changes whenever a command takes effect.
func (s *Search) steered() int { return len(s.journal) - len(s.pending) }

// chooseReference chooses the reference for the next episode and tells whether a round begins with it.
func (s *Search) chooseReference() (begins bool) {
	switch {
	case s.beginning():
		if _, over := s.nextTrial(); !over {
			return false
		}
		s.adopt(s.guide())
	case s.progress.Round == 0, !slices.EqualFunc(s.wantedBase(), s.centre(), sameLayerPolicy):
	case len(s.episodes)+1-s.progress.Round >= roundLength:
		s.adopt(s.mostRewarded(s.episodes))
	default:
		return false
	}
	return true
}

// beginRound makes the agent go on from the reference.
func (s *Search) beginRound(ctx context.Context) error {
	if agent, ok := s.agent.(*agents.DDPG); ok {
		agent.Refer(s.window(s.centre()), s.around)
		if s.settings.Preset != paper {
			if err := s.imitate(ctx, agent, plan{actions: s.around.Centre}); err != nil {
				return err
			}
		}
	}
	s.progress.Centre, s.progress.Round = s.base, len(s.episodes)+1
	return nil
}

// adopt makes an episode's policy the base.
func (s *Search) adopt(e *store.Episode) {
	s.settings.Base = &Base{Policy: policyOf(e), Episode: e.Number}
}

// centre is the policy that what the agent remembers is relative to.
func (s *Search) centre() compress.Policy {
	if s.progress.Centre == nil {
		return compress.Uniform(s.workload.graph, 0, graph.FloatBits)
	}
	return s.progress.Centre
}

// mostRewarded is the one of some episodes with the highest reward, as it is now; the first of equals.
func (s *Search) mostRewarded(episodes []*store.Episode) *store.Episode {
	reward := s.settings.reward()
	worth := func(e *store.Episode) float64 { return reward(s.outcome(e.Accuracy, e.LatencyRatio)) }
	best := episodes[0]
	for _, e := range episodes {
		if worth(e) > worth(best) {
			best = e
		}
	}
	return best
}

// levels are the values within a layer's window at which its sensitivities are measured: ten
// levels evenly from end to end.
func (s *Search) levels(layer int) compress.Probe {
	var p compress.Probe
	for level := range compress.Levels {
		action := slices.Repeat([]float64{float64(level) / (compress.Levels - 1)}, s.space.Actions())
		wide := s.around.Widen(layer, action)
		if s.space.Kind.Prunes() {
			p.Sparsity = append(p.Sparsity, wide[0])
			continue
		}
		p.WeightBits = append(p.WeightBits, s.space.Alone(wide[0]))
		p.ActivationBits = append(p.ActivationBits, s.space.Alone(wide[1]))
	}
	return p
}
