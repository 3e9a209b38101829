package ui

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"galen/engine"
)

func TestTheLogFollowsAndFilters(t *testing.T) {
	w := &fakeWorkbench{runs: sampleRuns(), log: sampleLog()}
	s := plainStage(t, w)
	s.openLive(sampleSteered())
	s.send(failureMsg{errors.New("cannot save")})
	s.press("space", "!") // the error is gone from the line above the footer
	s.sees("log", "9 lines", "error   here: cannot save", "2026-03-13 13:32:10 error   demo: internal error", "goroutine 12")

	add := func(n int) {
		for i := range n {
			w.log = append(w.log, engine.LogLine(epoch.Add(time.Duration(i)*time.Second), "info", fmt.Sprintf("demo: note %d of %d", i, n)))
		}
		s.send(tickMsg{s.model.ticks})
	}
	add(50)
	s.sees("note 49 of 50") // the cursor was at the end
	s.press("up")
	add(60)
	s.sees("note 49 of 50")
	s.misses("note 59 of 60")
	s.press("G")
	s.sees("note 59 of 60")

	w.log = append(w.log, engine.LogLine(epoch, "info", "demo: paused"))
	s.live(sampleAs(engine.Paused, 136)) // from now on the clock ticks once a minute
	s.sees("demo: paused")
	s.press("/")
	s.press(typed("error demo")...)
	s.sees("internal error", "/error demo_", "1 of 120 lines")
	s.misses("note 59")
	s.press("enter", "y")
	s.sees("copied the line")
	s.press("esc")
	s.sees("120 lines", "goroutine 12", "▸ 2026-03-13 13:32:10 error")
	s.press("esc")
	s.sees("layers")
}

func TestLinesThatAreNoNotesAreShownAsTheyAre(t *testing.T) {
	for line, want := range map[string]bool{"": false, "panic: runtime error": false, "2026-03-13 13:32:10 error   x": true, "2026-03-13T13:32:10 error": false} {
		if got := stamped(line); got != want {
			t.Errorf("%q begins with a time: %v", line, got)
		}
	}
}

func TestWhatIsTypedIsSeenWhateverArrives(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	s.openLive(sampleSnapshot(20, 136))
	s.press(":", "t")
	s.send(failureMsg{errors.New("cannot save")})
	s.press("a")
	s.sees(":ta_")
	s.press("esc")
	s.sees("! cannot save")
	s.press("down")
	s.misses("cannot save")
}
