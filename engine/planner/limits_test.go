package planner

import (
	"testing"

	"galen/agents"
)

func TestLimitsBendChoices(t *testing.T) {
	sparsity := func(least, most float64) Limits { return Limits{Sparsity: &Span[float64]{least, most}} }
	weights := func(least, most int) Limits { return Limits{Weights: &Span[int]{least, most}} }
	activations := func(least, most int) Limits { return Limits{Activations: &Span[int]{least, most}} }
	free := agents.Choice{Method: agents.Float, Sparsity: 0.3, WeightBits: 32, ActivationBits: 32}
	eight := agents.Choice{Method: agents.Int8, Sparsity: 0.3, WeightBits: 8, ActivationBits: 8}
	for _, c := range []struct {
		limits Limits
		choice agents.Choice
		want   agents.Choice
	}{
		{sparsity(0.5, 0.5), eight, agents.Choice{Method: agents.Int8, Sparsity: 0.5, WeightBits: 8, ActivationBits: 8}},
		{sparsity(0.1, 0.4), eight, eight},
		{weights(4, 4), eight, agents.Choice{Method: agents.Mixed, Sparsity: 0.3, WeightBits: 4, ActivationBits: 8}},
		{weights(4, 4), free, agents.Choice{Method: agents.Mixed, Sparsity: 0.3, WeightBits: 4, ActivationBits: 8}},
		{weights(8, 32), free, free},
		{activations(1, 8), free, eight},
		{weights(32, 32), eight, free},
	} {
		if got := c.limits.apply(c.choice); got != c.want {
			t.Errorf("%s bends %+v to %+v, want %+v", c.limits, c.choice, got, c.want)
		}
	}
}

func TestFrozenMethodsAreReplaced(t *testing.T) {
	mixed := agents.Choice{Method: agents.Mixed, Sparsity: 0.5, WeightBits: 3, ActivationBits: 4}
	int8 := agents.Choice{Method: agents.Int8, Sparsity: 0.5, WeightBits: 8, ActivationBits: 8}
	float := agents.Choice{Method: agents.Float, Sparsity: 0.5, WeightBits: 32, ActivationBits: 32}
	for _, c := range []struct {
		choice  agents.Choice
		frozen  []string
		maxBits int
		mixable bool
		want    agents.Choice
	}{
		{mixed, nil, 6, true, mixed},
		{mixed, []string{"prune"}, 6, true, agents.Choice{Method: agents.Mixed, WeightBits: 3, ActivationBits: 4}},
		{mixed, []string{"mixed"}, 6, true, int8},
		{mixed, []string{"mixed", "int8"}, 6, true, float},
		{int8, []string{"int8"}, 6, true, agents.Choice{Method: agents.Mixed, Sparsity: 0.5, WeightBits: 6, ActivationBits: 6}},
		{int8, []string{"int8"}, 8, true, agents.Choice{Method: agents.Mixed, Sparsity: 0.5, WeightBits: 7, ActivationBits: 7}},
		{int8, []string{"int8"}, 6, false, float},
		{int8, []string{"int8", "fp32"}, 6, false, int8},
		{float, []string{"fp32"}, 6, false, int8},
	} {
		if got := thawed(c.choice, c.frozen, c.maxBits, c.mixable); got != c.want {
			t.Errorf("%+v with %v frozen: %+v, want %+v", c.choice, c.frozen, got, c.want)
		}
	}
}
