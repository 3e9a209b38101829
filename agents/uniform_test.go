package agents

import (
	"slices"
	"testing"
)

func TestUniformCoversAllSparsities(t *testing.T) {
	space, err := NewSpace(Joint, 6)
	if err != nil {
		t.Fatal(err)
	}
	u := NewUniform(space)
	var sparsities []float64
	for range 16 {
		c := space.Choice(u.Act(nil))
		if c.Method != Int8 {
			t.Fatalf("the baseline chose %s", c.Method)
		}
		sparsities = append(sparsities, c.Sparsity)
		if err := u.Finish(Episode{}); err != nil {
			t.Fatal(err)
		}
	}
	if sparsities[0] != 0 {
		t.Errorf("the first sparsity is %v, want 0: everything kept", sparsities[0])
	}
	slices.Sort(sparsities)
	for i, s := range sparsities {
		if s != float64(i)/16 {
			t.Errorf("16 episodes try %v, want every sixteenth once", sparsities)
			break
		}
	}
	state, err := u.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	restored := NewUniform(space)
	if err := restored.UnmarshalBinary(state); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(restored.Act(nil), u.Act(nil)) {
		t.Error("a restored baseline goes on elsewhere")
	}
	if restored.UnmarshalBinary(state[:7]) == nil {
		t.Error("a damaged checkpoint is accepted")
	}
}
