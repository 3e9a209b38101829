package engine

import (
	"testing"

	"galen/engine/compress"
)

func TestRepairFollowsTheNetworksSizeUnlessItIsChosen(t *testing.T) {
	for _, c := range []struct {
		chosen  string
		weights int64
		want    compress.Repair
	}{
		{"", 270_000, compress.Sequential},
		{"automatic", 11_000_000, compress.Independent},
		{"sequential", 11_000_000, compress.Sequential},
		{"statistics", 270_000, compress.Statistics},
	} {
		if got := (Settings{Repair: c.chosen}).repair(c.weights); got != c.want {
			t.Errorf("%q for %d weights is %q, want %q", c.chosen, c.weights, got, c.want)
		}
	}
}
