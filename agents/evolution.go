package agents

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The numbers of [Evolution].
const (
	founders   = 10  // episodes of uniform actions, if nothing is to be imitated
	population = 24  // best episodes kept
	rivals     = 4   // drawn for a tournament
	crossing   = 0.5 // probability that a child has two parents
	mutations  = 2.0 // layers of a child that change, on average
	mutation   = 0.2 // σ of their change
)

// Evolution is the baseline that knows rewards and nothing else: a steady-state genetic
// algorithm (Whitley 1989) over whole policies. It keeps the best episodes; each episode
// is a child of one or two of them that won tournaments, with a few layers changed by
// truncated normal noise.
type Evolution struct {
	actions int
	reward  Reward
	step    int         // next one of the episode under way
	child   [][]float64 // of the episode under way; nil: not born, or a founder
	rng     *rand.Rand  // of the episode under way
	state   evolutionState
}

// evolutionState is what a checkpoint holds.
type evolutionState struct {
	Seed     uint64
	Episodes uint64       // finished
	Founded  bool         // whether uniform actions have had their time
	Guide    [][]float64  // the only parent of the next child; nil: the population has them
	Members  []individual // best first; of equals the earlier
}

// individual is an episode that others can descend from.
type individual struct {
	Actions [][]float64
	Outcome Outcome
}

// NewEvolution returns the baseline for actions of the given length.
func NewEvolution(actions int, r Reward, seed uint64) *Evolution {
	return &Evolution{actions: actions, reward: r, rng: episodeRandom(seed, 0), state: evolutionState{Seed: seed}}
}

// Act returns the child's action for the next step, or a uniform one as long as the population
// is being founded.
func (e *Evolution) Act([]float64) []float64 {
	if e.step == 0 {
		e.child = e.breed()
	}
	step := e.step
	e.step++
	if step < len(e.child) {
		return slices.Clone(e.child[step])
	}
	action := make([]float64, e.actions)
	for i := range action {
		action[i] = e.rng.Float64()
	}
	return action
}

// Noise is the σ of mutations.
func (*Evolution) Noise() float64 { return mutation }

// breed returns the next child; nil while founders are wanted.
func (e *Evolution) breed() [][]float64 {
	var child [][]float64
	switch {
	case e.state.Guide != nil:
		child = clone(e.state.Guide)
	case !e.state.Founded && e.state.Episodes < founders, len(e.state.Members) == 0:
		return nil
	default:
		child = clone(e.parent())
		if e.rng.Float64() < crossing {
			other := e.parent()
			for t := range min(len(child), len(other)) {
				if e.rng.Float64() < 0.5 {
					child[t] = slices.Clone(other[t])
				}
			}
		}
	}
	sure := e.rng.IntN(len(child)) // so that no child is its parent
	for t, action := range child {
		if t != sure && e.rng.Float64() >= (mutations-1)/float64(len(child)) {
			continue
		}
		for i, x := range action {
			action[i] = truncatedNormal(x, mutation, e.rng.Float64())
		}
	}
	return child
}

// parent is the best of a few members drawn at random.
func (e *Evolution) parent() [][]float64 {
	winner := len(e.state.Members)
	for range rivals {
		winner = min(winner, e.rng.IntN(len(e.state.Members)))
	}
	return e.state.Members[winner].Actions
}

// Finish lets the episode take its place in the population.
func (e *Evolution) Finish(episode Episode) error {
	if len(episode.Actions) == 0 {
		return errors.New("learn from an episode: it has no steps")
	}
	if err := episode.Outcome.validate(); err != nil {
		return fmt.Errorf("learn from an episode: %w", err)
	}
	if err := e.checkActions(episode.Actions); err != nil {
		return fmt.Errorf("learn from an episode: %w", err)
	}
	s := &e.state
	s.Members = append(s.Members, individual{clone(episode.Actions), episode.Outcome})
	e.rank()
	s.Members = s.Members[:min(len(s.Members), population)]
	s.Episodes++
	s.Guide = nil
	e.nextChild()
	return nil
}

// nextChild gets ready for the next episode.
func (e *Evolution) nextChild() {
	e.step, e.child = 0, nil
	e.rng = episodeRandom(e.state.Seed, e.state.Episodes)
}

// Rescore puts the population in the order of another reward. Episodes that were not
// among the best do not come back.
func (e *Evolution) Rescore(r Reward) {
	e.reward = r
	e.rank()
}

func (e *Evolution) rank() {
	slices.SortStableFunc(e.state.Members, func(a, b individual) int {
		return cmp.Compare(e.reward(b.Outcome), e.reward(a.Outcome))
	})
}

// Imitate makes the next child descend from the given actions and founders unnecessary.
// The population stays as it is.
func (e *Evolution) Imitate(_, actions [][]float64) {
	e.state.Founded, e.state.Guide = true, clone(actions)
}

// MarshalBinary returns the population and the number of finished episodes, as JSON.
func (e *Evolution) MarshalBinary() ([]byte, error) {
	data, err := json.Marshal(e.state)
	if err != nil {
		return nil, fmt.Errorf("encode the population: %w", err)
	}
	return data, nil
}

// UnmarshalBinary goes on where MarshalBinary was. A baseline that refuses data is left as
// it was.
func (e *Evolution) UnmarshalBinary(data []byte) error {
	var s evolutionState
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return fmt.Errorf("restore the population: %w", err)
	}
	if len(s.Members) > population {
		return fmt.Errorf("restore the population: %d members; at most %d are kept", len(s.Members), population)
	}
	for _, m := range s.Members {
		if err := errors.Join(e.checkActions(m.Actions), m.Outcome.validate()); err != nil {
			return fmt.Errorf("restore the population: %w", err)
		}
		if len(m.Actions) == 0 {
			return errors.New("restore the population: a member has no steps")
		}
	}
	if err := e.checkActions(s.Guide); err != nil {
		return fmt.Errorf("restore the population: %w", err)
	}
	if s.Guide != nil && len(s.Guide) == 0 {
		return errors.New("restore the population: the guide has no steps")
	}
	e.state = s
	e.rank()
	e.nextChild()
	return nil
}

func (e *Evolution) checkActions(actions [][]float64) error {
	for t, action := range actions {
		if len(action) != e.actions {
			return fmt.Errorf("step %d: action of length %d, want %d", t, len(action), e.actions)
		}
		for _, x := range action {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Errorf("step %d: action is not finite", t)
			}
		}
	}
	return nil
}

func clone(actions [][]float64) [][]float64 {
	copied := make([][]float64, len(actions))
	for t, action := range actions {
		copied[t] = slices.Clone(action)
	}
	return copied
}
