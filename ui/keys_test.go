package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"galen/engine"
	"galen/store"
)

func plainStage(t testing.TB, w *fakeWorkbench) *stage {
	return newStage(t, w, testLook(termenv.Ascii, true, false), 120, 40)
}

func TestFirstStartOffersTheDemo(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{})
	s.sees("starts the demo", "latency", "enter start the demo", "n new run", "q quit")
	if len(s.bench.asked) != 0 {
		t.Fatalf("asked for %q before any key", s.bench.asked)
	}
	s.press("enter")
	if want := []string{"start demo=true"}; !slices.Equal(s.bench.asked, want) {
		t.Fatalf("asked for %q, want %q", s.bench.asked, want)
	}
	s.sees("opening run r1")
	s.live(samplePreparing())
	s.sees("preparing", "sensitivity  7/20", "94.6 %")
}

func TestStartThatFailsSaysWhatToDo(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{refusal: errors.New("the store is full; delete a run with galen rm")})
	s.press("d")
	s.sees("! the store is full; delete a run with galen rm")
	s.press("down")
	s.misses("the store is full")
}

func TestLongErrorGetsABox(t *testing.T) {
	long := strings.Repeat("word ", 40) + "end of it"
	s := plainStage(t, &fakeWorkbench{refusal: errors.New(long)})
	s.press("d")
	s.sees("That did not work", "end of it")
	s.press("q")
	s.misses("That did not work")
	if s.quit {
		t.Error("closing the box quit the program")
	}
}

func TestCommandsReachTheSearch(t *testing.T) {
	for _, c := range []struct {
		name  string
		state engine.State
		keys  []string
		want  []string
	}{
		{"pause", engine.Running, []string{"space"}, []string{"pause by tester"}},
		{"pause while preparing", engine.Preparing, []string{"space"}, []string{"pause by tester"}},
		{"resume", engine.Paused, []string{"space"}, []string{"resume by tester"}},
		{"step", engine.Paused, []string{"s"}, []string{"step by tester"}},
		{"stop asks first", engine.Running, []string{"x"}, nil},
		{"stop", engine.Running, []string{"x", "y"}, []string{"stop by tester"}},
		{"stop with the other key", engine.Running, []string{"S", "y"}, []string{"stop by tester"}},
		{"do not stop", engine.Running, []string{"x", "n"}, nil},
		{"do not stop after all", engine.Running, []string{"x", "esc", "y"}, nil},
		{"nothing to stop", engine.Finished, []string{"x", "y", "s", "space"}, nil},
		{"freezing is not pausing", engine.Running, []string{"f"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
			s.openLive(sampleAs(c.state, 30))
			s.press(c.keys...)
			if !slices.Equal(s.bench.asked, c.want) {
				t.Errorf("asked for %q, want %q", s.bench.asked, c.want)
			}
		})
	}
}

func TestPendingCommandIsShownUntilAcknowledged(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	_, acknowledge := s.model.Update(keyPress("space"))
	s.sees("… pause asked for")
	_, again := s.model.Update(keyPress("space"))
	s.run(again)
	if len(s.bench.asked) != 0 {
		t.Fatalf("the same command was sent twice: %q", s.bench.asked)
	}
	s.model.Update(keyPress("s"))
	s.sees("1 more waiting")
	s.run(acknowledge)
	if want := []string{"pause by tester", "step by tester"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q in this order", s.bench.asked, want)
	}
	s.misses("asked for", "waiting")
}

func TestRefusedCommandIsShown(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), refusal: errors.New("the search has ended")})
	s.openLive(sampleSnapshot(20, 30))
	s.press("space")
	s.sees("! the search has ended")
}

func TestPanicBehindTheWorkbenchIsShown(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), panicked: true})
	s.openLive(sampleSnapshot(20, 30))
	s.press("space")
	s.sees("internal error: index out of range")
}

func TestQuitAsksOnlyWhileSearching(t *testing.T) {
	for _, c := range []struct {
		state engine.State
		keys  []string
		quit  bool
	}{
		{engine.Running, []string{"q"}, false},
		{engine.Running, []string{"q", "n"}, false},
		{engine.Running, []string{"q", "d"}, true},
		{engine.Running, []string{"q", "p"}, true},
		{engine.Running, []string{"q", "x"}, true},
		{engine.Running, []string{"q", "esc"}, false},
		{engine.Preparing, []string{"ctrl+c"}, false},
		{engine.Running, []string{"ctrl+c", "ctrl+c"}, true},
		{engine.Paused, []string{"q"}, true},
		{engine.Finished, []string{"q"}, true},
	} {
		s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
		s.openLive(sampleAs(c.state, 30))
		s.press(c.keys...)
		if s.quit != c.quit {
			t.Errorf("%s, keys %v: quit is %v", c.state, c.keys, s.quit)
		}
		if !c.quit && len(c.keys) == 1 {
			s.sees("Leave the search", "goes on in the background", "cannot be continued", "d detach", "p pause", "x stop")
		}
	}
}

func TestStoredRunIsReadAndResumed(t *testing.T) {
	stored := sampleAs(engine.Running, 50) // cut off: nobody searches it
	stored.Run.ID, stored.Run.Name = "r2", "board-night"
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), views: map[string]*engine.Snapshot{"r2": stored}})
	s.press("j", "enter")
	s.sees("‖ paused", "50/410", "space resume")
	s.press("s", "x", "y")
	if len(s.bench.asked) != 0 {
		t.Fatalf("a run nobody searches was sent %q", s.bench.asked)
	}
	s.press("space")
	if want := []string{"resume r2"}; !slices.Equal(s.bench.asked, want) {
		t.Fatalf("asked for %q, want %q", s.bench.asked, want)
	}
	running := *stored
	running.Episode, running.Version = 51, 101
	s.live(&running)
	s.sees("▶ running", "space pause")
}

func TestOnlyOneSearchAtATime(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.press("esc", "j", "r")
	s.sees("Leave the search that is running?")
	s.press("n")
	if len(s.bench.asked) != 0 {
		t.Fatalf("asked for %q despite the no", s.bench.asked)
	}
	s.press("r", "y")
	if want := []string{"resume r2"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
	late := sampleSnapshot(20, 31) // of the search that was left
	s.live(late)
	if s.model.session.active != "r2" {
		t.Errorf("the active search is %q", s.model.session.active)
	}
}

func TestMissingRunSaysSo(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.press("j", "enter")
	s.sees("run r2 is not in the store", "run r2 could not be opened; esc goes back")
	s.press("space", "b", "r", "[", "x", "f", "G") // nothing to act on
	s.press("esc")
	s.sees("board-night")
}

func TestEpisodesAreTurnedLikePages(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	best := s.model.session.live.Best.Number
	for _, step := range []struct{ key, want string }{
		{"", "last episode #30"},
		{"[", "episode #29 of 30"},
		{"left", "episode #28 of 30"},
		{"]", "episode #29 of 30"},
		{"l", "episode #30 of 30"},
		{"l", "last episode #30"},
		{"H", "episode #1 of 30"},
		{"h", "episode #1 of 30"},
		{"r", "reference: the uncompressed model"},
		{"]", "episode #1 of 30"},
		{"r", "reference: the uncompressed model"},
		{"[", "episode #30 of 30"},
		{"b", fmt.Sprintf("best episode #%d", best)},
		{"L", "last episode #30"},
	} {
		if step.key != "" {
			s.press(step.key)
		}
		s.sees("── " + step.want + " ")
	}
	s.press("[")
	s.live(sampleSnapshot(20, 31))
	s.sees("episode #29 of 31")
}

func TestFreezeHoldsTheDisplay(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.press("f")
	frame := s.model.View()
	s.sees("display frozen")
	s.now = s.now.Add(time.Minute)
	s.live(sampleSnapshot(20, 31))
	if got := s.model.View(); got != frame {
		t.Errorf("the frozen display changed:\n%s", got)
	}
	s.press("space")
	if want := []string{"pause by tester"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q: a frozen display must not hold up commands", s.bench.asked, want)
	}
	for _, screen := range []string{"enter", "J", "D"} {
		s.press(screen)
		s.sees("display frozen")
		s.press("esc")
	}
	s.press("f")
	s.sees("last episode #31")
	for _, screen := range []string{"enter", "J", "D"} {
		s.press(screen)
		s.misses("display frozen")
		s.press("esc")
	}
}

func TestASteeredTargetIsSeenAtOnce(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	snap := sampleSnapshot(20, 30)
	s.openLive(snap)
	s.sees("≤ 0.200×")
	steered := *snap
	steered.Version, steered.Settings.Target = snap.Version+1, 0.3
	s.live(&steered)
	s.sees("≤ 0.300×")
	s.misses("≤ 0.200×")
}

func TestALostSearchIsPausedAndReportedOnce(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	gone := failureMsg{errors.New("the process that searched is gone")}
	s.send(gone)
	s.sees("! the process that searched is gone", "‖ paused", "space resume")
	s.misses("▶ running", "●")
	s.press("down")
	s.send(gone)
	s.misses("is gone")
	s.send(failureMsg{errors.New("something else")})
	s.sees("something else")
	s.live(sampleSnapshot(20, 31))
	s.sees("▶ running", "space pause")
	s.press("x")
	s.send(failureMsg{errors.New(strings.Repeat("word ", 40))})
	s.sees("y yes")
	s.press("n", "q")
	if !s.quit {
		t.Error("leaving asks about a search that nobody works on")
	}
}

// TestTwoRunsAreTwoRequests asks for the same of two runs before the first request is answered.
func TestTwoRunsAreTwoRequests(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	_, first := s.model.Update(keyPress("X"))
	s.run(first)
	_, answer := s.model.Update(keyPress("y"))
	s.sees("… deleting demo")
	s.press("j", "X", "y", "X", "y")
	s.sees("1 more waiting")
	s.run(answer)
	if want := []string{"delete r1", "delete r2"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
}

// TestALateAnswerDoesNotDisturb does something else while a request is under way.
func TestALateAnswerDoesNotDisturb(t *testing.T) {
	for _, c := range []struct {
		name  string
		keys  []string
		shown bool
	}{
		{"waiting", nil, true},
		{"moving", []string{"up"}, true},
		{"filtering", []string{"/", "b"}, false},
		{"a question", []string{"X"}, false},
		{"another screen", []string{"!"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
			s.press("j")
			_, answer := s.model.Update(keyPress("r"))
			s.press(c.keys...)
			before := s.model.top()
			s.run(answer)
			if s.model.session.active != "r2" || (s.model.top() != before) != c.shown {
				t.Fatalf("r2 is active: %v; another screen is shown: %v, want %v", s.model.session.active == "r2", s.model.top() != before, c.shown)
			}
			if !c.shown && c.name != "filtering" { // what is typed is seen instead
				s.sees("board-night runs; open it from the list")
			}

			s = plainStage(t, &fakeWorkbench{runs: sampleRuns(), views: map[string]*engine.Snapshot{"r1": sampleAs(engine.Paused, 3), "r2": sampleAs(engine.Paused, 3)}})
			s.press("space", "j")
			_, answer = s.model.Update(keyPress("c"))
			s.press(c.keys...)
			s.run(answer)
			if _, shown := s.model.top().(*versus); shown != c.shown {
				t.Errorf("the comparison is shown: %v, want %v", shown, c.shown)
			}
		})
	}
}

func TestTheDashboardSaysWhichRunItIs(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.sees(" galen   demo   resnet18-cifar10   joint ")
	s.press("x")
	s.sees("Stop demo?")
	s.press("n")
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.sees(" galen   demo   ")
}

func TestTheJournalTellsLocalTimes(t *testing.T) {
	defer func(here *time.Location) { time.Local = here }(time.Local)
	time.Local = time.FixedZone("here", 2*3600)
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	snap := sampleSteered()
	s.openLive(snap)
	s.sees("  15:52:10 ada ")
	s.press("J")
	s.sees(" 15:52:10  ada ")
	s.press("esc")
	latest := &snap.Journal[len(snap.Journal)-1]
	latest.Time = epoch.Add(-15 * time.Hour) // today here, not in UTC
	s.sees("  01:02:10 ada ")
	latest.Time = epoch.Add(-17 * time.Hour)
	s.sees("  2026-03-13 23:02 ada ")
}

func TestARunOpensWhoseSnapshotIsFasterThanItsAnswer(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{})
	_, answer := s.model.Update(keyPress("enter"))
	s.live(sampleAs(engine.Paused, 0)) // the only one: another person has paused it
	s.run(answer)
	s.misses("opening run")
	s.sees("‖ paused", "space resume")
}

func TestPoliciesThatWaitToBeTriedAreCounted(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	snap := sampleSnapshot(20, 30)
	snap.Queued = 2
	s.openLive(snap)
	s.sees("31/410  2 to try  ▶ running")
}

func TestStopwatchRunsOnlyWithTheSearch(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.now = s.now.Add(3 * time.Second)
	s.send(tickMsg{s.model.ticks})
	s.sees("00:12:44")
	s.live(sampleAs(engine.Paused, 30))
	s.now = s.now.Add(3 * time.Second)
	before := s.model.View()
	s.send(tickMsg{s.model.ticks})
	if s.model.View() != before {
		t.Error("a paused run's display changed with the clock")
	}
}

func TestOnlyTheStopwatchMovesWithTheClock(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	before := strings.Split(s.model.View(), "\n")
	s.now = s.now.Add(time.Second)
	s.send(tickMsg{s.model.ticks})
	for i, line := range strings.Split(s.model.View(), "\n") {
		if i > 0 && line != before[i] {
			t.Errorf("line %d changed with the clock: %q", i, line)
		}
	}
}

func TestCursorFollowsTheRun(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.press("j", "j")
	runs := append([]*store.Run{{ID: "new", Name: "newcomer", Created: epoch}}, sampleRuns()...)
	s.send(runsMsg{runs: runs})
	if got := s.model.runs.list.id; got != "r3" {
		t.Errorf("the cursor is on %q after a run was added above", got)
	}
	s.send(runsMsg{runs: runs[:2]})
	if got := s.model.runs.list.id; got != "r1" {
		t.Errorf("the cursor is on %q after its run went", got)
	}
	s.send(runsMsg{})
	s.press("r", "j", "G")
	s.sees("starts the demo")
}

func TestMovingInTheLayerTable(t *testing.T) {
	s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.Ascii, true, false), 80, 24)
	s.openLive(sampleSnapshot(50, 5))
	d := s.model.top().(*dashboard)
	for _, step := range []struct {
		key string
		at  int
	}{{"G", 49}, {"k", 48}, {"g", 0}, {"up", 0}, {"pgdown", 14}, {"j", 15}, {"pgup", 1}, {"end?", 1}} {
		s.press(step.key)
		if d.list.at != step.at {
			t.Errorf("after %s the cursor is on layer %d, want %d", step.key, d.list.at, step.at)
		}
		if from, to := d.list.visible(); d.list.at < from || d.list.at >= to {
			t.Errorf("after %s layer %d is outside the window %d–%d", step.key, d.list.at, from, to)
		}
	}
}

func TestFilter(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.press("/", "q", "u", "a", "n")
	s.sees("/quan_", "1 of 5 runs", "first try")
	s.misses("board-night")
	if s.quit {
		t.Fatal("typing q into the filter quit")
	}
	s.press("enter")
	s.sees("esc shows all")
	s.press("esc")
	s.sees("board-night")
	s.press("/", "z", "z", "z")
	s.sees("no run matches")
	s.press("esc")
	s.sees("board-night")
}

func TestHelpListsEveryFooterKey(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	groups := s.model.top().Keys()
	s.press("?")
	for _, g := range groups {
		s.sees(g.title)
		for _, k := range g.keys {
			s.sees(k.Help().Key)
		}
	}
	s.press("q")
	s.sees("last episode")
	if s.quit {
		t.Error("q in help quit the program")
	}
}

func TestTooSmallSaysWhatItNeeds(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.press("x")
	s.send(tea.WindowSizeMsg{Width: 60, Height: 15})
	s.sees("galen needs 80×24", "60×15")
	s.press("y", "x", "y", "space", "n")
	if len(s.bench.asked) != 0 {
		t.Errorf("keys nobody can see the effect of did %q", s.bench.asked)
	}
	s.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	s.sees("Stop demo?")
	s.press("n")
	s.sees("last episode")
}

func TestBridgeCarriesTheLatest(t *testing.T) {
	w := &fakeWorkbench{latest: make(chan *engine.Snapshot)}
	got := make(chan tea.Msg, 100)
	b := &bridge{wait: w.Wait, send: func(m tea.Msg) { got <- m }, interval: time.Millisecond}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.carry(ctx)
	}()
	for _, s := range []*engine.Snapshot{sampleAs(engine.Running, 1), sampleAs(engine.Finished, 2), sampleAs(engine.Preparing, 3)} {
		w.latest <- s
		if m := (<-got).(snapshotMsg); m.snapshot != s {
			t.Error("another snapshot arrived")
		}
	}
	cancel()
	<-done

	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	b.wait = func(context.Context, uint64) (*engine.Snapshot, error) { panic("lost") }
	go b.carry(ctx)
	if m, ok := (<-got).(failureMsg); !ok || !strings.Contains(m.err.Error(), "lost") {
		t.Errorf("a panic of the engine arrived as %v", m)
	}
}

func TestLeavingGivesTheSearchItsCommand(t *testing.T) {
	for key, want := range map[string][]string{"d": nil, "p": {"pause by tester"}, "x": {"stop by tester"}} {
		s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
		s.openLive(sampleSnapshot(20, 30))
		s.press("q", key)
		if !s.quit || !slices.Equal(s.bench.asked, want) {
			t.Errorf("%s: quit is %v, asked for %q, want %q", key, s.quit, s.bench.asked, want)
		}
	}
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns(), refusal: errors.New("the search has ended")})
	s.openLive(sampleSnapshot(20, 30))
	s.press("q", "p")
	s.sees("! the search has ended")
	if s.quit {
		t.Error("quit though the search did not obey")
	}
}

// TestLeavingWaitsForWhatWasAskedFor leaves while commands are on their way.
func TestLeavingWaitsForWhatWasAskedFor(t *testing.T) {
	for _, c := range []struct {
		name  string
		keys  []string // behind a pause that is not answered yet
		fails bool
		quit  bool
		asked []string
	}{
		{"detach", []string{"q", "d"}, false, true, []string{"pause by tester"}},
		{"detach behind two", []string{"s", "q", "d"}, false, true, []string{"pause by tester", "step by tester"}},
		{"pause once more", []string{"q", "p"}, false, true, []string{"pause by tester"}},
		{"stop", []string{"q", "x"}, false, true, []string{"pause by tester", "stop by tester"}},
		{"something fails", []string{"s", "q", "d"}, true, false, []string{"pause by tester", "step by tester"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
			s.openLive(sampleSnapshot(20, 30))
			if c.fails {
				s.bench.refusal = errors.New("the search has ended")
			}
			_, acknowledge := s.model.Update(keyPress("space"))
			s.press(c.keys...)
			s.sees("… leaving once ", " is done, ctrl+c leaves at once")
			if s.quit || len(s.bench.asked) > 0 {
				t.Fatalf("left before the search has answered, with %q", s.bench.asked)
			}
			s.run(acknowledge)
			if s.quit != c.quit || !slices.Equal(s.bench.asked, c.asked) {
				t.Errorf("quit is %v, asked for %q, want %q", s.quit, s.bench.asked, c.asked)
			}
		})
	}
	s := newStage(t, &fakeWorkbench{runs: sampleRuns()}, testLook(termenv.Ascii, true, false), 80, 24)
	s.openLive(sampleSnapshot(20, 30))
	s.press("e", "E")
	s.press(typed(strings.Repeat("long", 20))...)
	s.model.Update(keyPress("enter"))
	s.press("q", "d")
	s.sees("… leaving once exporting episode 30 of demo", "… is done, ctrl+c leaves at once")
	s.press("ctrl+c")
	if !s.quit {
		t.Error("ctrl+c waits, too")
	}
}

func TestRunEnds(t *testing.T) {
	o := Options{Output: io.Discard}
	for name, o := range map[string]Options{"key": {Input: strings.NewReader("q"), Output: o.Output}, "context": {Input: blocked{}, Output: o.Output}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if name == "context" {
				time.AfterFunc(20*time.Millisecond, cancel)
			}
			done := make(chan error, 1)
			go func() { done <- Run(ctx, &fakeWorkbench{}, o) }()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("the interface did not end")
			}
		})
	}
}

// blocked is an input on which nothing is ever typed.
type blocked struct{}

func (blocked) Read([]byte) (int, error) { select {} }

func TestKeysThatArriveTogetherCountOneByOne(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 30))
	s.press("qnxy")
	if s.quit {
		t.Error("q answered with n quit")
	}
	if want := []string{"stop by tester"}; !slices.Equal(s.bench.asked, want) {
		t.Errorf("asked for %q, want %q", s.bench.asked, want)
	}
	s.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("xy"), Paste: true})
	if len(s.bench.asked) != 1 {
		t.Errorf("pasted text gave a command: %q", s.bench.asked)
	}
}
