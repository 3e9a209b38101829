package ui

import (
	"time"

	"galen/engine"
)

// How long what changes often stands at least. A new episode redraws nearly all of the dashboard,
// which takes some thirteen kilobytes on a large terminal, and a step two rows of it: on a slow
// line a fast search would outrun the terminal, and nobody reads five tables a second.
const (
	episodePace = 1500 * time.Millisecond
	stepPace    = 500 * time.Millisecond
)

// pace slows what is seen of a fast search. All else is seen at once: states, commands, problems.
type pace struct {
	episode, step time.Time // when what is seen of them changed
}

// slowed is the next state to show after the one shown: next, with the episodes or the step of
// shown where these have not stood long enough.
func (p *pace) slowed(shown, next *engine.Snapshot, now time.Time) *engine.Snapshot {
	if shown == nil || !working(next.State) || shown.State != next.State {
		return next
	}
	out := *next
	if shown.Last() != next.Last() || shown.Best != next.Best {
		if now.Sub(p.episode) < episodePace && len(shown.Episodes) > 0 {
			out.Episodes, out.Best = shown.Episodes, shown.Best
		} else {
			p.episode = now
		}
	}
	if shown.Step != next.Step || shown.Activity != next.Activity || shown.Done != next.Done {
		if now.Sub(p.step) < stepPace {
			out.Step, out.Activity, out.Done, out.Total = shown.Step, shown.Activity, shown.Done, shown.Total
		} else {
			p.step = now
		}
	}
	return &out
}
