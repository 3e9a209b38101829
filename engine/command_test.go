package engine

import (
	"reflect"
	"strings"
	"testing"

	"galen/agents"
)

func TestCommandsReadAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{
		"pause", "resume", "step", "stop", "undo", "target 0.25", "reward r7", "beta -3", "episodes 1000000", "noise 0.2", "updates 20",
		"pin /layer1/conv 1/Conv sparsity=0.5 weights=4 activations=4", "pin fc weights=fp32",
		"bound conv1 sparsity=0.2..0.6", "bound conv1 sparsity=free weights=4 activations=free", "pin a=b  c weights=4", "bound conv1 sparsity=0.5 weights=4..fp32",
		"release conv1", "freeze prune", "thaw mixed", "try 17", "base 3", "base none",
		`try [{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":8}]`,
		`base [{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":8}]`,
	} {
		c, err := ParseCommand(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if c.String() != text {
			t.Errorf("%s is written %s", text, c)
		}
	}
}

func TestBadCommandsSayWhatIsWanted(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "type one",
		"tarket 0.2":                       "there are pause, resume",
		"target":                           "as in: target RATIO",
		"target fast":                      "give a number",
		"pause now":                        "nothing follows",
		"episodes 2.5":                     "whole number",
		"episodes -1":                      "whole number",
		"pin conv1":                        "name a layer and what to fix",
		"pin sparsity=0.5":                 "name a layer",
		"pin conv1 depth=3":                "not sparsity, weights or activations",
		"pin conv1 sparsity=0.1..0.5":      "ranges are for bound",
		"bound conv1 weights=9":            "1 to 8 or fp32",
		"bound conv1 weights=6..4":         "1 to 8 or fp32",
		"bound conv1 sparsity=1":           "below 1",
		"pin a weights=fp32 activations=8": "both fp32",
		"freeze":                           "say which",
		"try [1]":                          "policy",
	} {
		if _, err := ParseCommand(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one about %q", text, err, want)
		}
	}
}

// TestLimitsAreTakenBack undoes changes of a layer's limits, whatever they were.
func TestLimitsAreTakenBack(t *testing.T) {
	layers := []Layer{{Name: "conv", Prunable: true, Root: true, Mixable: true}}
	changes := []string{
		"pin conv sparsity=0.5", "pin conv weights=4 activations=4", "bound conv sparsity=0.2..0.6 weights=2..4",
		"bound conv sparsity=free weights=8", "bound conv activations=free", "release conv",
	}
	for _, first := range changes[:3] {
		for _, second := range changes {
			s := course{settings: Settings{Agent: "joint"}}
			give := func(text string) (undo string) {
				t.Helper()
				c, err := ParseCommand(text)
				if err != nil {
					t.Fatal(err)
				}
				done, err := s.settings.limit(c, layers)
				if err != nil {
					t.Fatalf("%s after %s: %v", text, first, err)
				}
				return done.undo
			}
			give(first)
			before := s.settings.Limits["conv"].String()
			undo := give(second)
			give(undo)
			if after := s.settings.Limits["conv"].String(); after != before {
				t.Errorf("%s, %s and then %s leaves %s, want %s", first, second, undo, after, before)
			}
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add("pin conv1 sparsity=0.5 weights=4..8")
	f.Add(`try [{"layer":"conv1"}]`)
	f.Add("target 0.25")
	f.Add("base none")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCommand(text)
		if err != nil {
			return
		}
		again, err := ParseCommand(c.String())
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%q is written %q, which reads %+v, %v instead of %+v", text, c, again, err, c)
		}
	})
}

func TestLimitsBendChoices(t *testing.T) {
	limits := func(text string) Limits {
		_, l, err := parseLimits("layer " + text)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	free := agents.Choice{Method: agents.Float, Sparsity: 0.3, WeightBits: 32, ActivationBits: 32}
	eight := agents.Choice{Method: agents.Int8, Sparsity: 0.3, WeightBits: 8, ActivationBits: 8}
	for _, c := range []struct {
		limits string
		choice agents.Choice
		want   agents.Choice
	}{
		{"sparsity=0.5", eight, agents.Choice{Method: agents.Int8, Sparsity: 0.5, WeightBits: 8, ActivationBits: 8}},
		{"sparsity=0.1..0.4", eight, eight},
		{"weights=4", eight, agents.Choice{Method: agents.Mixed, Sparsity: 0.3, WeightBits: 4, ActivationBits: 8}},
		{"weights=4", free, agents.Choice{Method: agents.Mixed, Sparsity: 0.3, WeightBits: 4, ActivationBits: 8}},
		{"weights=8..fp32", free, free},
		{"activations=1..8", free, eight},
		{"weights=fp32", eight, free},
	} {
		if got := limits(c.limits).apply(c.choice); got != c.want {
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
