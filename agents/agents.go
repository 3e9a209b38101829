// Package agents learns by reinforcement which compression pays. It knows numbers,
// not networks: states and actions are vectors, an episode's worth is an [Outcome].
package agents

import "encoding"

// Agent proposes one action per step and learns from whole episodes. Between two
// episodes its binary form is its complete state: an agent restored from it goes on
// exactly as the original would have. An Agent is not safe for concurrent use.
type Agent interface {
	// Act returns the action to take in state, in [0,1]ⁿ, exploration included.
	Act(state []float64) []float64
	// Noise is the exploration σ that Act uses now.
	Noise() float64
	// Finish hands over one whole episode to learn from. It refuses an episode whose
	// vectors have the wrong lengths or hold anything but finite numbers.
	Finish(e Episode) error
	// Rescore changes what outcomes are worth, past ones included.
	Rescore(r Reward)

	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Episode is one pass over all steps: the states the agent saw, the actions that were
// really taken in them (after constraints and rounding), and what came of them.
type Episode struct {
	States  [][]float64
	Actions [][]float64
	Outcome Outcome
	Costs   []float64 // what each step's decision costs, in any unit, not negative; nil: unknown
}
