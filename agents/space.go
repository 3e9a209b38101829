package agents

import (
	"fmt"
	"math"
)

// Kind says which parameters of a layer an agent decides.
type Kind string

const (
	Joint    Kind = "joint"    // sparsity, weight bits, activation bits
	Prune    Kind = "prune"    // sparsity
	Quantize Kind = "quantize" // weight bits, activation bits
)

// Prunes tells whether sparsities are decided.
func (k Kind) Prunes() bool { return k != Quantize }

// Quantizes tells whether bits are decided.
func (k Kind) Quantizes() bool { return k != Prune }

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Joint, Prune, Quantize} }

// Method is how a layer's numbers are represented.
type Method string

const (
	Float Method = "fp32"
	Int8  Method = "int8"
	Mixed Method = "mixed" // 1 to [Space.MaxBits] bits
)

// Choice is what an action means for one layer.
type Choice struct {
	Method         Method
	Sparsity       float64 // share of output channels to remove, in [0,1]
	WeightBits     int     // 32: float
	ActivationBits int     // 32: float
}

// Space translates between actions, vectors in [0,1]ⁿ, and choices.
type Space struct {
	Kind    Kind
	MaxBits int     // ceiling of mixed precision, 1 to 8
	Int8    float64 // a bit action above it leaves float
	Mixed   float64 // a bit action above it asks for mixed precision
}

// NewSpace returns the space of a kind with the thresholds of Krieger et al. 2022: both
// bit actions at most 0.2 stay float, any above 0.2 is int8, any above 0.5 is mixed.
func NewSpace(kind Kind, maxBits int) (Space, error) {
	switch kind {
	case Joint, Prune, Quantize:
	default:
		return Space{}, fmt.Errorf("unknown agent %q: choose one of %v", kind, Kinds())
	}
	if maxBits < 1 || maxBits > 8 {
		return Space{}, fmt.Errorf("mixed precision of up to %d bits: choose 1 to 8", maxBits)
	}
	return Space{Kind: kind, MaxBits: maxBits, Int8: 0.2, Mixed: 0.5}, nil
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

// Choice says what an action means. In mixed precision the bit actions are rescaled
// from [Mixed,1] to [0,1] before [Bits] reads them.
func (s Space) Choice(action []float64) Choice {
	c := Choice{Method: Float, WeightBits: 32, ActivationBits: 32}
	bits := action
	if s.Kind.Prunes() {
		c.Sparsity = action[0]
		bits = action[1:]
	}
	if !s.Kind.Quantizes() {
		return c
	}
	switch strongest := max(bits[0], bits[1]); {
	case strongest > s.Mixed:
		c.Method = Mixed
		c.WeightBits = Bits((bits[0]-s.Mixed)/(1-s.Mixed), s.MaxBits)
		c.ActivationBits = Bits((bits[1]-s.Mixed)/(1-s.Mixed), s.MaxBits)
	case strongest > s.Int8:
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
	for _, bits := range []int{c.WeightBits, c.ActivationBits} {
		var x float64
		switch c.Method {
		case Float:
			x = s.Int8 / 2
		case Int8:
			x = (s.Int8 + s.Mixed) / 2
		case Mixed:
			ratio := 1 - (float64(min(bits, s.MaxBits))-0.5)/float64(s.MaxBits)
			x = s.Mixed + (1-s.Mixed)*ratio
		}
		action = append(action, x)
	}
	return action
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
