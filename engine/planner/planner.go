// Package planner decides what a search tries next: it asks the agent about every layer, keeps to what a
// person steers, moves policies onto the target by what earlier episodes cost, and lets the agent
// learn from what came of them. It knows a network as layers with costs and sensitivities; stores,
// devices and goroutines are the engine's.
package planner

import (
	"context"

	"galen/agents"
	"galen/engine/compress"
	"galen/engine/compress/structure"
)

// Planner plans the episodes of one run. It belongs to the goroutine of its search.
type Planner struct {
	settings *Settings // as steered: read anew at every step
	progress *Progress
	steered  int   // how many commands have taken effect
	worth    worth // by which the agent judges what it remembers

	roundLength int // episodes that a base of an iterative agent serves

	original      Original
	sizes         func(structure.Policy) []structure.Size
	sensitivities Sensitivities

	space    agents.Space
	agent    agents.Agent
	base     structure.Policy // in force: what decisions start from
	window   *agents.Window   // around the base: what an iterative agent chooses from; nil for others
	layers   []Layer          // with the sensitivities in the network that the base makes
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
	Sizes    func(structure.Policy) []structure.Size // what a policy leaves of every layer
	Sensitivities
}

// Sensitivities finds how much each layer's compression changes the output of the network that a base makes, at
// the values of probes; without probes the network is the original one and the values are the usual ones.
type Sensitivities func(ctx context.Context, base structure.Policy, probes []compress.Probe) ([]compress.Curve, error)

// Plan is what to try in an episode: a policy, with what the agent saw and how it would have had to act.
type Plan struct {
	Policy  structure.Policy
	Actions [][]float64 // by layer: the agent's, after projection to what is really done
	Noise   float64     // the agent's exploration σ
	states  [][]float64
	trial   *trial // what of the search's beginning it is; nil: nothing
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

// What agents may be able to do beyond what [agents.Agent] asks of all.

// imitator is an agent that can begin with given answers.
type imitator interface {
	Imitate(states, actions [][]float64)
}

// thinker is an agent that may decide on all layers several times before an episode is tried.
type thinker interface {
	// Rollouts is how often; 1: its first decisions are to be tried.
	Rollouts() int
	// Value is what its critic expects of an episode.
	Value(states, actions [][]float64) float64
	// Think begins decisions that are near the best known ones.
	Think()
	// SetIncumbent tells the actions of the episode that is probably the best so far.
	SetIncumbent(actions [][]float64)
}

// tunable is an agent whose learning can be steered.
type tunable interface {
	Settings() agents.Settings
	SetNoise(sigma float64)
	SetUpdates(n int)
}
