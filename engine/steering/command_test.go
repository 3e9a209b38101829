package steering

import (
	"reflect"
	"strings"
	"testing"

	"galen/engine/planner"
	"galen/store"
)

func TestCommandsReadAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{
		"pause", "resume", "step", "stop", "undo", "target 0.25", "reward r7", "beta -3", "episodes 1000000", "budget +50", "noise 0.2", "updates 20",
		"pin /layer1/conv 1/Conv sparsity=0.5 weights=4 activations=4", "pin fc weights=fp32",
		"bound conv1 sparsity=0.2..0.6", "bound conv1 sparsity=free weights=4 activations=free", "pin a=b  c weights=4", "bound conv1 sparsity=0.5 weights=4..fp32",
		"release conv1", "freeze prune", "thaw mixed", "try 17", "base 3", "base none",
		`try [{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":8}]`,
		`base [{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":8}]`,
	} {
		c, err := Parse(text)
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
		"budget 50":                        "with its sign",
		"budget +-5":                       "whole number",
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
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one about %q", text, err, want)
		}
	}
}

// courseOf is a course that a search with an agent begins with.
func courseOf(agent string, layers ...store.Layer) Course {
	settings := planner.Settings{Agent: agent, Target: 0.4, Reward: "r7", Beta: -2, Episodes: 20, RoundTo: 4, MaxBits: 6}
	return Course{Settings: &settings, Progress: &planner.Progress{}, Layers: layers}
}

var conv = store.Layer{Name: "conv", Out: 16, Prunable: true, Root: true, Mixable: true}

// give applies a command's text to a course.
func (on Course) give(t *testing.T, text string) Change {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	change, err := Apply(c, on, nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return change
}

// TestLimitsAreTakenBack undoes changes of a layer's limits, whatever they were.
func TestLimitsAreTakenBack(t *testing.T) {
	changes := []string{
		"pin conv sparsity=0.5", "pin conv weights=4 activations=4", "bound conv sparsity=0.2..0.6 weights=2..4",
		"bound conv sparsity=free weights=8", "bound conv activations=free", "release conv",
	}
	for _, first := range changes[:3] {
		for _, second := range changes {
			on := courseOf("joint", conv)
			on.give(t, first)
			before := on.Settings.Limits["conv"].String()
			undo := on.give(t, second).Undo
			on.give(t, undo.String())
			if after := on.Settings.Limits["conv"].String(); after != before {
				t.Errorf("%s, %s and then %s leaves %s, want %s", first, second, undo, after, before)
			}
		}
	}
}

// examples has a text of every command, and an agent that it suits in a course of one layer and one episode.
var examples = map[Kind]struct{ text, agent string }{
	Pause: {"pause", "joint"}, Resume: {"resume", "joint"}, Step: {"step", "joint"}, Stop: {"stop", "joint"},
	Target: {"target 0.25", "joint"}, Reward: {"reward r6", "joint"}, Beta: {"beta -3", "joint"}, Episodes: {"episodes 500", "joint"},
	Budget: {"budget +50", "joint"}, Noise: {"noise 0.2", "joint"}, Updates: {"updates 20", "joint"},
	Pin:   {"pin conv sparsity=0.5 weights=4 activations=4", "joint"},
	Bound: {"bound conv sparsity=0.25..0.5", "joint"}, Release: {"release conv", "joint"},
	Freeze: {"freeze mixed", "joint"}, Thaw: {"thaw fp32", "joint"},
	Try: {"try 1", "joint"}, Base: {"base 1", "quantize"}, Cost: {"cost conv", "joint"}, Undo: {"undo", "joint"},
}

// TestEveryCommandIsWhole drives each command of the table from its text to its undoing.
func TestEveryCommandIsWhole(t *testing.T) {
	first := &store.Episode{Number: 1, Layers: []store.LayerResult{{Name: "conv", Asked: 0.5, WeightBits: 8, ActivationBits: 8}}}
	for _, known := range commands() {
		t.Run(string(known.kind), func(t *testing.T) {
			example, ok := examples[known.kind]
			if !ok {
				t.Fatal("there is no example of it")
			}
			if known.does == "" {
				t.Error("nobody is told what it does")
			}
			on := courseOf(example.agent, conv)
			on.Episodes, on.Best = []*store.Episode{first}, first
			on.Settings.Frozen = []string{"fp32"}
			if known.kind == Release {
				on.give(t, "pin conv weights=4")
			}
			c, err := Parse(example.text)
			if err != nil {
				t.Fatal(err)
			}
			if c.String() != example.text || c.Kind != known.kind {
				t.Errorf("%q is read as %s and written %q", example.text, c.Kind, c)
			}
			if verb, _, argued := strings.Cut(example.text, " "); argued {
				if known.takes == "" {
					t.Error("nobody is told what it takes")
				}
				for _, longer := range on.Complete(verb + " ") {
					if !strings.HasPrefix(longer, verb+" ") {
						t.Errorf("it is completed to %q", longer)
					}
				}
			}
			if known.kind == Undo {
				return // it is another command by the time it is applied
			}
			before := *on.Settings
			if _, err := on.Preview(c); err != nil {
				t.Errorf("its preview fails: %v", err)
			}
			if !reflect.DeepEqual(before, *on.Settings) {
				t.Error("its preview changes the course")
			}
			change, err := Apply(c, on, nil)
			if err != nil {
				t.Fatal(err)
			}
			if change.Undo == nil {
				return
			}
			on.give(t, change.Undo.String())
			if len(on.Settings.Limits) == 0 {
				on.Settings.Limits = nil // an empty table says the same
			}
			if !reflect.DeepEqual(before, *on.Settings) {
				t.Errorf("%s leaves %+v, want %+v", change.Undo, *on.Settings, before)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("pin conv1 sparsity=0.5 weights=4..8")
	f.Add(`try [{"layer":"conv1"}]`)
	f.Add("target 0.25")
	f.Add("base none")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(c.String())
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%q is written %q, which reads %+v, %v instead of %+v", text, c, again, err, c)
		}
	})
}
