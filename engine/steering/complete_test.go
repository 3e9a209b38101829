package steering

import (
	"reflect"
	"strings"
	"testing"

	"galen/engine/planner"
	"galen/store"
)

// someCourse has three layers, of which one is pinned, and a best episode.
func someCourse() Course {
	on := courseOf("joint",
		store.Layer{Name: "stem", Out: 16, Prunable: true, Root: true, Mixable: true},
		store.Layer{Name: "block.conv1", Out: 64, Prunable: true, Root: true, Mixable: true},
		store.Layer{Name: "fc", Out: 10, Why: "the output's channels are the classes"},
	)
	four := &planner.Span[int]{Least: 4, Most: 4}
	on.Settings.Limits = map[string]planner.Limits{"block.conv1": {Weights: four, Activations: four}}
	on.Settings.Frozen = []string{"mixed"}
	on.Best = &store.Episode{Number: 7}
	return on
}

func TestComplete(t *testing.T) {
	on := someCourse()
	for text, want := range map[string][]string{
		"st":                        {"step", "stop"},
		"ta":                        {"target "},
		"reward ":                   {"reward r3", "reward r4", "reward r5", "reward r6", "reward r7"},
		"freeze ":                   {"freeze prune", "freeze fp32", "freeze int8"},
		"thaw ":                     {"thaw mixed"},
		"release ":                  {"release block.conv1"},
		"try ":                      {"try 7"},
		"base ":                     {"base 7"},
		"pin b":                     {"pin block.conv1 "},
		"pin stem ":                 {"pin stem sparsity=", "pin stem weights=", "pin stem activations="},
		"bound stem weights=4..8 a": {"bound stem weights=4..8 activations="},
		"target 0":                  nil,
		"nonsense ":                 nil,
	} {
		if got := on.Complete(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestNudges(t *testing.T) {
	on := someCourse()
	result := &store.LayerResult{Kept: 12, Channels: 16, WeightBits: 8, ActivationBits: 8}
	for _, c := range []struct {
		layer, channels, bits int
		want                  string
	}{
		{0, 1, 0, "pin stem sparsity=0.625"}, // keeps 8
		{0, -1, 0, "pin stem sparsity=0"},
		{0, 0, -1, "pin stem weights=6 activations=6"},
		{0, 0, 1, "pin stem weights=fp32 activations=fp32"},
		{1, 0, -1, "pin block.conv1 weights=3 activations=3"},
	} {
		got, err := on.Nudge(c.layer, result, c.channels, c.bits)
		if err != nil || got.String() != c.want {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
		if effect, err := on.Preview(got); err != nil || !strings.Contains(effect, "→") {
			t.Errorf("%s would do %q, %v", got, effect, err)
		}
	}
	whole := &store.LayerResult{Kept: 16, Channels: 16}
	if c, err := on.Nudge(0, whole, -1, 0); err == nil {
		t.Errorf("a whole layer gains channels by %s", c)
	}
	pin, err := on.PinAs(0, result)
	if err != nil || pin.String() != "pin stem sparsity=0.375 weights=8 activations=8" {
		t.Errorf("pinned by %s, %v", pin, err)
	}
	release, err := on.PinAs(1, result)
	if err != nil || release.String() != "release block.conv1" {
		t.Errorf("released by %s, %v", release, err)
	}
	if fc, err := on.PinAs(2, result); err != nil || fc.String() != "pin fc weights=8 activations=8" {
		t.Errorf("the classifier is pinned by %s, %v", fc, err)
	}
}
