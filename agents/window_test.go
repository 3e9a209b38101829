package agents

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestWindows(t *testing.T) {
	w := &Window{Centre: [][]float64{{0.3, 0.95}}, Reach: [][]float64{{0.1, 0.2}}}
	for _, c := range []struct{ action, want [2]float64 }{
		{[2]float64{0.5, 0.5}, [2]float64{0.3, 0.95}},
		{[2]float64{0, 0}, [2]float64{0.2, 0.75}},
		{[2]float64{1, 1}, [2]float64{0.4, 0.99}}, // cut off by the border
	} {
		wide := w.Widen(0, c.action[:])
		for i := range wide {
			if math.Abs(wide[i]-c.want[i]) > 1e-12 {
				t.Errorf("%v means %v, want %v", c.action, wide, c.want)
			}
		}
		for i, a := range w.Narrow(0, wide) {
			if c.want[i] < mostSparsity && math.Abs(a-c.action[i]) > 1e-12 {
				t.Errorf("%v comes back as %v", c.action[i], a)
			}
		}
	}
	if a := w.Narrow(0, []float64{0.6, 0.95}); math.Abs(a[0]-2) > 1e-12 {
		t.Errorf("what is outside is %v", a)
	}
}

// TestReferKeepsMeanings checks that remembered actions mean the same in the new window.
func TestReferKeepsMeanings(t *testing.T) {
	a := trained(t, 3)
	rng := rand.New(rand.NewPCG(1, 2))
	window := func() *Window {
		w := &Window{}
		for range 7 {
			w.Centre = append(w.Centre, random(rng, 3))
			w.Reach = append(w.Reach, []float64{0.1 + rng.Float64(), 0.1, 0.2})
		}
		return w
	}
	from, to := window(), window()
	meaning := func(w *Window) (all []float64) {
		for i := range a.replay.count {
			step := 6
			for j := i; !a.replay.last[j]; j = a.replay.successor(j) {
				step--
			}
			for k, x := range a.replay.actionAt(i) {
				all = append(all, w.Centre[step][k]+w.Reach[step][k]*(2*x-1))
			}
		}
		return all
	}
	want := meaning(from)
	a.Refer(from, to)
	for i, got := range meaning(to) {
		if math.Abs(got-want[i]) > 1e-9 {
			t.Fatalf("action %d means %v, meant %v", i, got, want[i])
		}
	}
}

// TestEvenSharesOfTheRange counts how much of the range each number of bits has.
func TestEvenSharesOfTheRange(t *testing.T) {
	s := newSpace(t, Quantize, 6).Even()
	const n = 8000
	counts := map[int]int{}
	for i := range n {
		x := (float64(i) + 0.5) / n
		counts[s.Alone(x)]++
		if both := s.Choice([]float64{x, x}); both.WeightBits != s.Alone(x) || both.ActivationBits != s.Alone(x) {
			t.Fatalf("%v is %+v, alone %d bits", x, both, s.Alone(x))
		}
	}
	for _, bits := range []int{32, 8, 6, 5, 4, 3, 2, 1} {
		if counts[bits] != n/8 {
			t.Errorf("%d bits have %d of %d", bits, counts[bits], n)
		}
	}
	if math.Abs(s.Step()-1./8) > 1e-15 {
		t.Errorf("the step is %v", s.Step())
	}
}
