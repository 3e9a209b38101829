package agents

import (
	"math"
	"os"
	"testing"
)

// TestOldAgentGoesOn restores a checkpoint of version 1 from before agents imitated their best
// episode, and compares what it does next with what the galen that wrote it did next.
func TestOldAgentGoesOn(t *testing.T) {
	checkpoint, err := os.ReadFile("testdata/ddpg-version-1")
	if err != nil {
		t.Fatal(err)
	}
	s := smallSettings(6, 3)
	s.Elite = 5 // it is the checkpoint's settings that count
	a := newTestAgent(t, s, 9)
	if err := a.UnmarshalBinary(checkpoint); err != nil {
		t.Fatal(err)
	}
	if s := a.Settings(); s.Elite != 0 || s.Hidden != [2]int{8, 6} || s.Gamma != 0.9 || !s.Ranked || s.Replay != 60 {
		t.Errorf("the agent's settings are %+v", s)
	}
	compare := func(what string, got, want []float64) {
		t.Helper()
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-9 {
				t.Errorf("%s: %v, the old galen took %v", what, got, want)
				return
			}
		}
	}
	e := testEpisode(a, 12)
	for step, want := range [][]float64{
		{0.0942103371183, 0.341729853012, 0.183989941112},
		{0.393824843748, 0.675122151481, 0.29289451462},
		{0.00505168714824, 0.455641825786, 0.721624834786},
		{0.31204820914, 0.0749392855031, 0.303884525434},
		{0.521515859377, 0.620932634027, 0.510360721734},
		{0.055954604646, 0.4060880672, 0.835825072696},
		{0.285322102459, 0.383836832079, 0.780437524982},
	} {
		compare("an action with noise", e.Actions[step], want)
	}
	finish(t, a, e)
	a.SetNoise(0)
	compare("an action after learning", a.Act([]float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}), []float64{0.5003336282744066, 0.4991738713955818, 0.5009217970747915})
}
