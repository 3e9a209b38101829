package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"galen/engine"
	"galen/engine/planner"
	"galen/store"
)

// typed splits text into keys.
func typed(text string) []string {
	var keys []string
	for _, r := range text {
		if r == ' ' {
			keys = append(keys, "space")
		} else {
			keys = append(keys, string(r))
		}
	}
	return keys
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		name string
		keys []string
		want []string
	}{
		{"a command", append(typed(":target 0.3"), "enter"), []string{"target 0.3 by tester"}},
		{"a prefilled command", append(typed("t0.3"), "enter"), []string{"target 0.3 by tester"}},
		{"a method", append(typed("Mint8"), "enter"), []string{"freeze int8 by tester"}},
		{"completed", append(append(typed(":ta"), "tab"), append(typed("0.25"), "enter")...), []string{"target 0.25 by tester"}},
		{"keys are text", append(typed(":noise 0.1"), "esc"), nil},
		{"left by backspace", append([]string{":", "x", "backspace", "backspace"}, "down", "space"), []string{"pause by tester"}},
		{"recalled", append(append(typed(":target 0.3"), "enter", ":"), "up", "backspace", "4", "enter"), []string{"target 0.3 by tester", "target 0.4 by tester"}},
		{"the draft comes back", append(append(append(append(typed(":target 0.3"), "enter", ":"), typed("beta -2")...), "up", "down"), "enter"), []string{"target 0.3 by tester", "beta -2 by tester"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
			s.openLive(sampleSnapshot(20, 30))
			s.press(c.keys...)
			if !slices.Equal(s.bench.asked, c.want) {
				t.Errorf("asked for %q, want %q", s.bench.asked, c.want)
			}
		})
	}
}

func TestCommandLineShowsWhatWouldHappen(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	for text, want := range map[string]string{
		"":                       "a command; tab completes",
		"target":                 "RATIO: wanted latency",
		"target 0.3":             "0.2 → 0.3",
		"target 7":               "at most 1",
		"tarket":                 "is unknown",
		"pin conv1 sparsity=0.5": "free → sparsity=0.5",
	} {
		s.press(append([]string{":"}, typed(text)...)...)
		s.sees(want)
		s.press("esc")
	}
	s.press(append([]string{":"}, typed("pin layer1.")...)...)
	s.press("tab", "tab")
	s.sees("layer1.0.conv2", "layer1.1.conv1")
	s.press("esc")
	s.press("down", "down", "down") // the layer under the cursor comes first
	s.press(append([]string{":"}, typed("pin ")...)...)
	s.press("tab")
	s.sees(":pin " + s.model.session.live.Layers[3].Name + " _")
	s.press("esc")
	s.press(append(append([]string{":"}, typed("nonsense")...), "enter")...)
	s.sees("! command \"nonsense\" is unknown")
	if len(s.bench.asked) != 0 {
		t.Errorf("asked for %q", s.bench.asked)
	}
}

func TestKeysSteerTheLayerUnderTheCursor(t *testing.T) {
	snap := sampleSnapshot(20, 30)
	name := snap.Layers[1].Name
	for key, want := range map[string]string{
		">": "pin " + name + " sparsity=", "<": "pin " + name + " sparsity=", ",": "pin " + name + " weights=", ".": "pin " + name + " weights=",
		"p": "pin " + name + " sparsity=", "T": "try 30", "u": "undo",
	} {
		s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
		s.openLive(snap)
		s.press("down", key)
		if len(s.bench.asked) != 1 || !strings.HasPrefix(s.bench.asked[0], want) {
			t.Errorf("%s asks for %q, want %s…", key, s.bench.asked, want)
		}
	}
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	four := &planner.Span[int]{Least: 4, Most: 4}
	limited := *snap
	limited.Settings.Limits = map[string]planner.Limits{name: {Weights: four, Activations: four}}
	s.openLive(&limited)
	s.press("down")
	s.sees("⚑", name+" weights=4 activations=4", "p unpin")
	s.press("p")
	if want := []string{"release " + name + " by tester"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("p asks for %q, want %q", s.bench.asked, want)
	}
}

// TestNudgesAddUp presses keys faster than the search answers.
func TestNudgesAddUp(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	snap := sampleSnapshot(20, 30)
	snap.Settings.RoundTo = 1
	s.openLive(snap)
	s.press("down")
	kept := snap.Last().Layers[1].Kept
	_, answer := s.model.Update(keyPress(">"))
	s.press(">", ">")
	s.run(answer)
	pin := func(steps int) string {
		c, err := snap.Course().Nudge(1, &store.LayerResult{Kept: kept - steps + 1}, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		c.Who = "tester"
		return c.String() + " by tester"
	}
	if want := []string{pin(1), pin(2), pin(3)}; !slices.Equal(s.bench.asked, want) {
		t.Fatalf("asked for %q, want %q", s.bench.asked, want)
	}
	s.press(">") // before it is seen that they took effect
	s.bench.refusal = errors.New("the search has ended")
	s.press(">") // from now on, what there is
	s.press(">")
	if want := []string{pin(4), pin(5), pin(1)}; !slices.Equal(s.bench.asked[3:], want) {
		t.Errorf("asked for %q, want %q", s.bench.asked[3:], want)
	}
	applied := *snap
	applied.Version++
	for range 7 {
		applied.Journal = append(applied.Journal, store.JournalEntry{Who: "tester"})
	}
	s.live(&applied)
	s.press(">")
	if got := s.bench.asked[6]; got != pin(1) {
		t.Errorf("asked for %q once the journal shows all, want %q", got, pin(1))
	}
}

func TestSteeringAStoredRunDoesNothing(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), refusal: errors.New("no search")})
	s.openLive(sampleAs(engine.Finished, 30))
	s.press("p", ">", ",", "T", "u", ":", "t", "n")
	if len(s.bench.asked) != 0 {
		t.Errorf("asked for %q", s.bench.asked)
	}
}
