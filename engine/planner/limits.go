package planner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"galen/agents"
	"galen/hw/graph"
)

// Span is a closed interval.
type Span[T int | float64] struct {
	Least T `json:"least"`
	Most  T `json:"most"`
}

func (s *Span[T]) clamp(x T) T {
	if s == nil {
		return x
	}
	return min(max(x, s.Least), s.Most)
}

// Limits narrow what the agent may choose for one layer; a nil part is free.
type Limits struct {
	Sparsity    *Span[float64] `json:"sparsity,omitempty"`
	Weights     *Span[int]     `json:"weights,omitempty"`     // bits, 1–8; 32: float
	Activations *Span[int]     `json:"activations,omitempty"` // bits, 1–8; 32: float
}

// Free tells whether nothing is narrowed.
func (l Limits) Free() bool { return l == Limits{} }

// Pinned tells whether every part that is narrowed leaves one value only.
func (l Limits) Pinned() bool {
	return !l.Free() && (l.Sparsity == nil || l.Sparsity.Least == l.Sparsity.Most) &&
		(l.Weights == nil || l.Weights.Least == l.Weights.Most) &&
		(l.Activations == nil || l.Activations.Least == l.Activations.Most)
}

// The spans that leave a part free; a command gives it back by them.
var (
	AnySparsity = Span[float64]{0, 1}
	AnyBits     = Span[int]{1, graph.FloatBits}
)

// With is l where other says nothing, and other elsewhere.
func (l Limits) With(other Limits) Limits {
	return Limits{
		Sparsity:    overlaid(l.Sparsity, other.Sparsity, AnySparsity),
		Weights:     overlaid(l.Weights, other.Weights, AnyBits),
		Activations: overlaid(l.Activations, other.Activations, AnyBits),
	}
}

func overlaid[T int | float64](below, above *Span[T], free Span[T]) *Span[T] {
	switch {
	case above == nil:
		return below
	case *above == free:
		return nil
	}
	return above
}

// Before are the limits that make l again of what l.With(other) is.
func (l Limits) Before(other Limits) Limits {
	return Limits{
		Sparsity:    covered(l.Sparsity, other.Sparsity, AnySparsity),
		Weights:     covered(l.Weights, other.Weights, AnyBits),
		Activations: covered(l.Activations, other.Activations, AnyBits),
	}
}

func covered[T int | float64](below, above *Span[T], free Span[T]) *Span[T] {
	switch {
	case above == nil:
		return nil
	case below == nil:
		return &free
	}
	return below
}

// Check reports limits that no choice can meet.
func (l Limits) Check() error {
	if s := l.Sparsity; s != nil && *s != AnySparsity && !(s.Least >= 0 && s.Least <= s.Most && s.Most < 1) {
		return fmt.Errorf("sparsity %s: give a share from 0 to below 1, or a range of them like 0.2..0.6", spanText(s))
	}
	for _, bits := range []*Span[int]{l.Weights, l.Activations} {
		if bits != nil && !(possibleBits(bits.Least) && possibleBits(bits.Most) && bits.Least <= bits.Most) {
			return fmt.Errorf("bits %s: give 1 to 8 or fp32, or a range of them like 4..8", spanText(bits))
		}
	}
	onlyFloat := func(s *Span[int]) bool { return s != nil && s.Least == graph.FloatBits }
	noFloat := func(s *Span[int]) bool { return s != nil && s.Most < graph.FloatBits }
	if onlyFloat(l.Weights) && noFloat(l.Activations) || onlyFloat(l.Activations) && noFloat(l.Weights) {
		return errors.New("a layer's weights and activations are both fp32 or neither is")
	}
	return nil
}

func possibleBits(n int) bool { return n >= 1 && n <= 8 || n == graph.FloatBits }

// How limits are written: FreeText for what is not narrowed, FloatText for the bits of floating point.
const (
	FreeText  = "free"
	FloatText = "fp32"
)

// String writes limits as a command takes them: sparsity=0.5 weights=4..8.
func (l Limits) String() string {
	var parts []string
	if l.Sparsity != nil {
		parts = append(parts, "sparsity="+spanText(l.Sparsity))
	}
	if l.Weights != nil {
		parts = append(parts, "weights="+spanText(l.Weights))
	}
	if l.Activations != nil {
		parts = append(parts, "activations="+spanText(l.Activations))
	}
	if parts == nil {
		return FreeText
	}
	return strings.Join(parts, " ")
}

func spanText[T int | float64](s *Span[T]) string {
	if any(*s) == any(AnySparsity) || any(*s) == any(AnyBits) {
		return FreeText
	}
	text := func(x T) string {
		if x == graph.FloatBits {
			return FloatText
		}
		return fmt.Sprint(x)
	}
	if s.Least == s.Most {
		return text(s.Least)
	}
	return text(s.Least) + ".." + text(s.Most)
}

// apply bends a choice to the limits. Where only one of weights and activations may not
// be float, the other becomes 8 bits.
func (l Limits) apply(c agents.Choice) agents.Choice {
	c.Sparsity = l.Sparsity.clamp(c.Sparsity)
	c.WeightBits = clampBits(l.Weights, c.WeightBits)
	c.ActivationBits = clampBits(l.Activations, c.ActivationBits)
	switch {
	case l.Weights != nil && l.Weights.Least == graph.FloatBits, l.Activations != nil && l.Activations.Least == graph.FloatBits:
		c.WeightBits, c.ActivationBits = graph.FloatBits, graph.FloatBits
	case c.WeightBits == graph.FloatBits && c.ActivationBits != graph.FloatBits:
		c.WeightBits = clampBits(l.Weights, 8)
	case c.ActivationBits == graph.FloatBits && c.WeightBits != graph.FloatBits:
		c.ActivationBits = clampBits(l.Activations, 8)
	}
	return withMethod(c)
}

// clampBits keeps bits possible: between 8 and fp32 there is nothing.
func clampBits(s *Span[int], bits int) int {
	bits = s.clamp(bits)
	if bits > 8 && bits < graph.FloatBits {
		return 8
	}
	return bits
}

// Methods are what can be frozen: pruning, and each way to represent numbers.
var Methods = []string{Pruning, string(agents.Float), string(agents.Int8), string(agents.Mixed)}

// Pruning is the method that removes channels.
const Pruning = "prune"

// thawed replaces a choice of a frozen method by the nearest of those that are left to a layer; one that
// is not mixable keeps int8 where nothing is.
func thawed(c agents.Choice, frozen []string, maxBits int, mixable bool) agents.Choice {
	is := func(m agents.Method) bool {
		return slices.Contains(frozen, string(m)) || m == agents.Mixed && !mixable
	}
	if slices.Contains(frozen, Pruning) {
		c.Sparsity = 0
	}
	if !is(c.Method) {
		return c
	}
	switch {
	case !is(agents.Int8), is(agents.Mixed) && is(agents.Float):
		c.WeightBits, c.ActivationBits = 8, 8
	case !is(agents.Mixed):
		most := min(maxBits, 7) // with 8 it would be int8
		c.WeightBits, c.ActivationBits = most, most
	default:
		c.WeightBits, c.ActivationBits = graph.FloatBits, graph.FloatBits
	}
	return withMethod(c)
}
