package agents

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
)

// Random is the baseline without any judgement: every action is uniform in [0,1]ⁿ,
// independent of the state, of other steps and of what came of it.
type Random struct {
	actions  int
	seed     uint64
	episodes uint64 // finished
	rng      *rand.Rand
}

// NewRandom returns the baseline for actions of the given length.
func NewRandom(actions int, seed uint64) *Random {
	r := &Random{actions: actions, seed: seed}
	r.rng = episodeRandom(seed, 0)
	return r
}

// episodeRandom is the source of an episode's luck: it depends on nothing that happened
// before, so that the number of the episode is all that a checkpoint has to keep.
func episodeRandom(seed, episode uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, episode))
}

// Act draws an action.
func (r *Random) Act([]float64) []float64 {
	action := make([]float64, r.actions)
	for i := range action {
		action[i] = r.rng.Float64()
	}
	return action
}

// Noise is 0: there is nothing to deviate from.
func (*Random) Noise() float64 { return 0 }

// Finish goes on to the next episode's luck.
func (r *Random) Finish(Episode) error {
	r.episodes++
	r.rng = episodeRandom(r.seed, r.episodes)
	return nil
}

// Rescore does nothing: no outcome matters to the baseline.
func (*Random) Rescore(Reward) {}

// MarshalBinary returns the seed and the number of finished episodes.
func (r *Random) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, r.seed), r.episodes), nil
}

// UnmarshalBinary goes on where MarshalBinary was.
func (r *Random) UnmarshalBinary(data []byte) error {
	if len(data) != 16 {
		return errors.New("restore the random baseline: the checkpoint is not one of its own")
	}
	r.seed, r.episodes = binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:])
	r.rng = episodeRandom(r.seed, r.episodes)
	return nil
}
