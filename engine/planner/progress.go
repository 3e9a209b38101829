package planner

import (
	"slices"

	"galen/engine/compress/structure"
)

// Progress is how far a run's plan is. It is stored with every episode.
type Progress struct {
	Queue []structure.Policy `json:"queue,omitempty"` // policies that a person wants tried next
	Start Start              `json:"start"`

	// Of iterative agents: the base that what the agent remembers is relative to (nil: the original network), and the
	// first episode of the round under way (0: none yet).
	RoundBase structure.Policy `json:"centre,omitempty"`
	Round     int              `json:"round,omitempty"`
}

// Start is how far the beginning of a search is.
type Start struct {
	Trials        []trial `json:"trials,omitempty"`
	Imitated      int     `json:"imitated,omitempty"` // episode from which on the agent acts; 0: not yet
	Demonstration int     `json:"guide,omitempty"`    // episode that it began by imitating
}

// trial is an episode of the beginning.
type trial struct {
	Episode int     `json:"episode"`
	Blend   float64 `json:"blend"`
	Level   float64 `json:"level"`
	Float   bool    `json:"float,omitempty"` // nothing is quantized
	Ratio   float64 `json:"ratio"`           // latency ÷ the original's
}

// tried appends a trial with what came of it.
func (p *Progress) tried(t trial, ratio float64) {
	t.Ratio = ratio
	p.Start.Trials = append(slices.Clone(p.Start.Trials), t)
}

// Truncate goes back to the end of an earlier episode.
func (p *Progress) Truncate(episode int) {
	p.Queue = nil
	if p.Start.Imitated > episode {
		p.Start.Imitated, p.Start.Demonstration = 0, 0
	}
	p.RoundBase, p.Round = nil, 0
	p.Start.Trials = slices.DeleteFunc(slices.Clone(p.Start.Trials), func(t trial) bool { return t.Episode > episode })
}
