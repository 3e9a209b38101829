package engine

import (
	"slices"
	"testing"

	"galen/store"
)

func TestTrendKeepsTheBestOfEachStretch(t *testing.T) {
	rewarded := func(rewards ...float64) (all []*store.Episode) {
		for _, r := range rewards {
			all = append(all, &store.Episode{Reward: r})
		}
		return all
	}
	if got := trendOf(nil); len(got) != 0 {
		t.Errorf("no episodes have the trend %v", got)
	}
	if got, want := trendOf(rewarded(-3, -1, -2)), []float64{-3, -1, -2}; !slices.Equal(got, want) {
		t.Errorf("the trend of three episodes is %v, want %v", got, want)
	}
	many := make([]float64, 10_000)
	for i := range many {
		many[i] = -float64(i % 7) // 0 is the best, and in every stretch
	}
	many[9_999] = 5
	got := trendOf(rewarded(many...))
	if len(got) != trendLength || got[0] != 0 || got[trendLength-2] != 0 || got[trendLength-1] != 5 {
		t.Errorf("the trend of many episodes is %v", got)
	}
}
