package ui

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/muesli/termenv"

	"galen/engine"
	"galen/engine/planner"
	"galen/store"
)

// TestAgentsCanBeToldApartInTheList lists a run of every agent on terminals of all widths.
func TestAgentsCanBeToldApartInTheList(t *testing.T) {
	var runs []*store.Run
	for _, agent := range planner.Agents {
		raw, err := json.Marshal(engine.Settings{Settings: planner.Settings{Agent: agent, Target: 0.5}})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, &store.Run{
			ID: agent, Name: "a rather long name", Settings: raw, State: string(engine.Finished), Model: store.Source{Name: "resnet18-cifar10"}, Trend: []float64{1, 2, 3},
			Episodes: 100, Budget: 200, Best: &store.Best{Episode: 7, Accuracy: 0.9, LatencyRatio: 0.4},
		})
	}
	for width := minWidth; width <= 200; width++ {
		s := newStage(t, &fakeWorkbench{runs: runs}, testLook(termenv.Ascii, true, false), width, 24)
		checkFrame(t, s)
		seen := map[string]bool{}
		for i, agent := range planner.Agents {
			row := strings.Split(s.text(), "\n")[3+i]
			for _, want := range []string{"a rather ", "✓ finished", "100/200", "90.0 %", "0.400×"} {
				if !strings.Contains(row, want) {
					t.Fatalf("at %d cells the row of %s lacks %q: %q", width, agent, want, row)
				}
			}
			shown := regexp.MustCompile(`  (` + regexp.QuoteMeta(agent) + `|` + regexp.QuoteMeta(shortAgent(agent)) + `)  `).FindString(row)
			if shown == "" || seen[shown] {
				t.Fatalf("at %d cells %s is shown as %q: %q", width, agent, shown, row)
			}
			if seen[shown] = true; width >= 140 && strings.TrimSpace(shown) != agent {
				t.Errorf("%s is shown as %q though there is room at %d cells", agent, shown, width)
			}
		}
	}
}

// TestTheListIsTheStoresOnceTheSearchHasEnded renames and deletes a run whose search has ended.
func TestTheListIsTheStoresOnceTheSearchHasEnded(t *testing.T) {
	bench := &fakeWorkbench{runs: sampleRuns()}
	s := plainStage(t, bench)
	s.openLive(sampleSnapshot(20, 409))
	s.press("esc")
	bench.runs[0].State, bench.runs[0].Episodes = string(engine.Finished), 410
	ended := sampleAs(engine.Finished, 410)
	s.live(ended)
	s.sees("demo     ", "✓ finished", "410/410")
	bench.runs[0].Name = "shiny"
	s.press("R")
	s.live(ended) // as a terminal gets that is opened later
	s.sees("shiny")
	s.misses("demo     ")
	bench.runs = bench.runs[1:]
	s.press("R")
	s.live(ended)
	s.misses("shiny", "demo     ")
}

func TestAFailedRunSaysWhy(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.misses("no route to host")
	s.press("G")
	s.sees("! open the device: ssh://board: no route to host")
}

func TestTableNarrowsBeforeItLeavesOutWhatIsNeededMore(t *testing.T) {
	of := func(width int) string {
		said := func(text string) func(int) cell { return func(int) cell { return cell{text: text} } }
		table := &table[int]{look: testLook(termenv.Ascii, true, false), width: width, gap: 1, fields: []field[int]{
			{column{width: 6, least: 3, yields: 2}, 0, said("abcdef")},
			{column{width: 4}, 1, said("more")},
			{column{width: 4}, 3, said("most")},
		}}
		table.shrink()
		return strings.TrimRight(table.row(0, false), " ")
	}
	for width, want := range map[int]string{20: "abcdef more most", 17: "abcdef more most", 16: "abcdef more", 11: "abcd… more", 9: "ab… more", 8: "ab…", 3: "ab…"} {
		if got := of(width); got != want {
			t.Errorf("in %d cells: %q, want %q", width, got, want)
		}
	}
}
