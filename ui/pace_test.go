package ui

import (
	"testing"
	"time"

	"galen/engine"
)

func TestAFastSearchIsSlowedButNeverStuck(t *testing.T) {
	s := plainStage(t, &fakeWorkbench{runs: sampleRuns()})
	full := sampleSnapshot(20, 40)
	at := func(episodes, step int) *engine.Snapshot {
		next := *full
		next.Episodes, next.Episode, next.Step, next.Done = full.Episodes[:episodes], episodes+1, step, step
		next.Version += uint64(100*episodes + step)
		return &next
	}
	s.openLive(at(30, 3))
	s.live(at(31, 4))
	s.sees("last episode #31", "deciding 4/20")
	s.now = s.now.Add(200 * time.Millisecond)
	s.live(at(32, 9))
	s.sees("last episode #31", "deciding 4/20", "33/410")
	s.now = s.now.Add(400 * time.Millisecond)
	s.live(at(33, 2))
	s.sees("last episode #31", "deciding 2/20", "34/410")
	s.now = s.now.Add(time.Second)
	s.send(tickMsg{s.model.ticks}) // nothing more arrives
	s.sees("last episode #33")

	s.live(at(34, 5))
	s.sees("last episode #33")
	paused := at(34, 5)
	paused.State = engine.Paused
	s.live(paused)
	s.sees("last episode #34", "‖ paused")
}
