package report

import (
	"bytes"
	"regexp"
	"testing"

	"galen/engine"
	"galen/store"
)

func TestTiming(t *testing.T) {
	s := &engine.Snapshot{Run: &store.Run{ID: "r0001", Name: "x"}, Episodes: []*store.Episode{{Number: 1}}}
	var out bytes.Buffer
	if err := Timing(&out, s); err != nil || !bytes.Contains(out.Bytes(), []byte("no episodes whose times")) {
		t.Errorf("without times: %q, %v", out.String(), err)
	}
	for n := 2; n <= 21; n++ {
		timing := &store.Timing{Deciding: 0.25, Scoring: 1, Measuring: 2.5, Learning: 0.25}
		if n > 19 {
			timing.Measuring = 5 // 2 of 20 episodes: the 95th percentile is among them
		}
		s.Episodes = append(s.Episodes, &store.Episode{Number: n, Timing: timing})
	}
	out.Reset()
	if err := Timing(&out, s); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`time of 20 episodes`, `deciding +0\.250 +0\.250 +5\.9 %`, `measuring +2\.750 +5\.000 +64\.7 %`, `committing +0\.000 +0\.000 +0\.0 %`,
		`episode +4\.250 +6\.500`, `deciding and learning: 11\.8 %`,
	} {
		if !regexp.MustCompile(line).Match(out.Bytes()) {
			t.Errorf("%q is missing in:\n%s", line, out.String())
		}
	}
}
