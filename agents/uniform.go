package agents

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Uniform is the baseline every search must beat: eight bits everywhere and the same
// sparsity for all layers, another one each episode. It learns nothing. The sparsities
// follow van der Corput's sequence 0, 1/2, 1/4, 3/4, 1/8, …, which covers [0,1)
// evenly however many episodes there are.
type Uniform struct {
	space    Space
	episodes uint64 // finished
}

// NewUniform returns the baseline for the joint space.
func NewUniform(s Space) *Uniform { return &Uniform{space: s} }

// Act returns the episode's action; it is the same in every state.
func (u *Uniform) Act([]float64) []float64 {
	sparsity := float64(bits.Reverse64(u.episodes)>>11) / (1 << 53)
	return u.space.Action(Choice{Method: Int8, Sparsity: sparsity, WeightBits: 8, ActivationBits: 8})
}

// Noise is 0: nothing is explored at random.
func (*Uniform) Noise() float64 { return 0 }

// Finish goes on to the next sparsity.
func (u *Uniform) Finish(Episode) error {
	u.episodes++
	return nil
}

// Rescore does nothing: no outcome matters to the baseline.
func (*Uniform) Rescore(Reward) {}

// MarshalBinary returns the number of finished episodes.
func (u *Uniform) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, u.episodes), nil
}

// UnmarshalBinary goes on where MarshalBinary was.
func (u *Uniform) UnmarshalBinary(data []byte) error {
	if len(data) != 8 {
		return errors.New("restore the uniform baseline: the checkpoint is not one of its own")
	}
	u.episodes = binary.LittleEndian.Uint64(data)
	return nil
}
