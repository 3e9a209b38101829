package agents

import (
	"fmt"
	"math"
)

// Kind says which parameters of a layer an agent decides.
type Kind string

const (
	Joint     Kind = "joint"      // sparsity, weight bits, activation bits
	Prune     Kind = "prune"      // sparsity
	Quantize  Kind = "quantize"   // weight bits, activation bits
	Quantize3 Kind = "quantize-3" // method, weight bits, activation bits
)

// Prunes tells whether sparsities are decided.
func (k Kind) Prunes() bool { return k == Joint || k == Prune }

// Quantizes tells whether bits are decided.
func (k Kind) Quantizes() bool { return k != Prune }

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Joint, Prune, Quantize, Quantize3} }

// Method is how a layer's numbers are represented.
type Method string

const (
	Float Method = "fp32"
	Int8  Method = "int8"
	Mixed Method = "mixed" // 1 to [Space.MaxBits] bits
)

// FloatBits is what numbers count that are not quantized.
const FloatBits = 32

// Choice is what an action means for one layer.
type Choice struct {
	Method         Method
	Sparsity       float64 // share of output channels to remove, in [0,1]
	WeightBits     int     // FloatBits: float
	ActivationBits int     // FloatBits: float
}

// Space translates between actions, vectors in [0,1]ⁿ, and choices.
type Space struct {
	Kind    Kind
	MaxBits int     // ceiling of mixed precision, 1 to 8
	Int8    float64 // a bit action, or the one for the method, above it leaves float
	Mixed   float64 // and above it asks for mixed precision
}

// NewSpace returns the space of a kind with the thresholds of Krieger et al. 2022: both
// bit actions at most 0.2 stay float, any above 0.2 is int8, any above 0.5 is mixed. The
// first of [Quantize3]'s actions chooses the method, by thirds.
func NewSpace(kind Kind, maxBits int) (Space, error) {
	switch kind {
	case Joint, Prune, Quantize, Quantize3:
	default:
		return Space{}, fmt.Errorf("unknown agent %q: choose one of %v", kind, Kinds())
	}
	if maxBits < 1 || maxBits > 8 {
		return Space{}, fmt.Errorf("mixed precision of up to %d bits: choose 1 to 8", maxBits)
	}
	if kind == Quantize3 {
		return Space{Kind: kind, MaxBits: maxBits, Int8: 1. / 3, Mixed: 2. / 3}, nil
	}
	return Space{Kind: kind, MaxBits: maxBits, Int8: 0.2, Mixed: 0.5}, nil
}

// Even is the space with thresholds at which float, int8 and each number of bits up to the
// ceiling have equal shares of the range of a bit action.
func (s Space) Even() Space {
	share := 1 / float64(s.MaxBits+2)
	s.Int8, s.Mixed = share, 2*share
	return s
}

// Step is the share of the range of a bit action that one number of bits has.
func (s Space) Step() float64 { return (1 - s.Mixed) / float64(s.MaxBits) }

// Alone is the number of bits, FloatBits for float, that a bit action asks for by itself.
func (s Space) Alone(x float64) int {
	switch {
	case x > s.Mixed:
		return Bits((x-s.Mixed)/(1-s.Mixed), s.MaxBits)
	case x > s.Int8:
		return 8
	}
	return FloatBits
}

// Actions is the length of an action.
func (s Space) Actions() int {
	switch s.Kind {
	case Prune:
		return 1
	case Quantize:
		return 2
	default:
		return 3
	}
}

// mostSparsity leaves something of a layer.
const mostSparsity = 0.99

// Choice says what an action means. In mixed precision the bit actions are rescaled
// from [Mixed,1] to [0,1] before [Bits] reads them; those of [Quantize3] have all of [0,1]
// for the bits, and say nothing in other methods.
func (s Space) Choice(action []float64) Choice {
	c := Choice{Method: Float, WeightBits: FloatBits, ActivationBits: FloatBits}
	bits := action
	if s.Kind.Prunes() {
		c.Sparsity = min(action[0], mostSparsity)
		bits = action[1:]
	}
	if !s.Kind.Quantizes() {
		return c
	}
	method, weight, activation := max(bits[0], bits[1]), (bits[0]-s.Mixed)/(1-s.Mixed), (bits[1]-s.Mixed)/(1-s.Mixed)
	if s.Kind == Quantize3 {
		method, weight, activation = action[0], action[1], action[2]
	}
	switch {
	case method > s.Mixed:
		c.Method = Mixed
		c.WeightBits, c.ActivationBits = Bits(weight, s.MaxBits), Bits(activation, s.MaxBits)
	case method > s.Int8:
		c.Method = Int8
		c.WeightBits, c.ActivationBits = 8, 8
	}
	return c
}

// Action returns the canonical action that means c: the middle of the range of actions
// that do, or, where none does because only one of the two has more than MaxBits bits, the
// nearest. Parts of c that the kind does not decide are left out.
func (s Space) Action(c Choice) []float64 {
	action := make([]float64, 0, 3)
	if s.Kind.Prunes() {
		action = append(action, c.Sparsity)
	}
	if !s.Kind.Quantizes() {
		return action
	}
	if s.Kind == Quantize3 {
		action = append(action, s.method(c.Method))
	}
	for _, bits := range []int{c.WeightBits, c.ActivationBits} {
		ratio := 1 - (float64(min(bits, s.MaxBits))-0.5)/float64(s.MaxBits)
		if s.Kind == Quantize3 {
			action = append(action, ratio) // the most bits where it says nothing: nearest to other methods
			continue
		}
		x := s.method(c.Method)
		if c.Method == Mixed {
			x = s.Mixed + (1-s.Mixed)*ratio
		}
		action = append(action, x)
	}
	return action
}

// method is the middle of the range that stands for a method.
func (s Space) method(m Method) float64 {
	switch m {
	case Float:
		return s.Int8 / 2
	case Int8:
		return (s.Int8 + s.Mixed) / 2
	}
	return (s.Mixed + 1) / 2
}

// Rounded is the action of a kind that decides bits alone which asks for mixed precision at
// ratios from 0, the most bits, to 1.
func (s Space) Rounded(weight, activation float64) []float64 {
	if s.Kind == Quantize3 {
		return []float64{s.method(Mixed), weight, activation}
	}
	return []float64{s.Mixed + (1-s.Mixed)*weight, s.Mixed + (1-s.Mixed)*activation}
}

// Project returns the action to remember when an agent proposed action but c was done:
// the proposal where it means c, and the canonical action of c elsewhere.
func (s Space) Project(action []float64, c Choice) []float64 {
	projected := append([]float64(nil), action...)
	canonical := s.Action(c)
	proposed := s.Choice(action)
	bits := 0
	if s.Kind.Prunes() {
		if proposed.Sparsity != c.Sparsity {
			projected[0] = canonical[0]
		}
		bits = 1
	}
	proposed.Sparsity = c.Sparsity
	if s.Kind.Quantizes() && proposed != c {
		copy(projected[bits:], canonical[bits:])
	}
	return projected
}

// Bits maps a ratio x to a number of bits, more compression meaning fewer:
// ⌊(1−x)·maxBits⌋+1, clipped to 1 … maxBits (Krieger et al. 2022).
func Bits(x float64, maxBits int) int {
	x = min(max(x, 0), 1)
	bits := int(math.Floor((1-x)*float64(maxBits))) + 1
	return min(max(bits, 1), maxBits)
}
