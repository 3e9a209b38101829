package agents

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func newSpace(t *testing.T, kind Kind, maxBits int) Space {
	t.Helper()
	s, err := NewSpace(kind, maxBits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChoices(t *testing.T) {
	joint := newSpace(t, Joint, 6)
	for _, c := range []struct {
		action []float64
		want   Choice
	}{
		{[]float64{0, 0, 0}, Choice{Float, 0, 32, 32}},
		{[]float64{0.3, 0.2, 0.2}, Choice{Float, 0.3, 32, 32}},
		{[]float64{0.3, 0.2, 0.21}, Choice{Int8, 0.3, 8, 8}},
		{[]float64{1, 0.5, 0}, Choice{Int8, 0.99, 8, 8}},
		{[]float64{0, 0.501, 0}, Choice{Mixed, 0, 6, 6}},
		{[]float64{0, 0.75, 1}, Choice{Mixed, 0, 4, 1}}, // ⌊0.5·6⌋+1 and ⌊0⌋+1
		{[]float64{0, 0.1, 0.95}, Choice{Mixed, 0, 6, 1}},
	} {
		if got := joint.Choice(c.action); got != c.want {
			t.Errorf("joint %v is %+v, want %+v", c.action, got, c.want)
		}
		quantize := c.want
		quantize.Sparsity = 0
		if got := newSpace(t, Quantize, 6).Choice(c.action[1:]); got != quantize {
			t.Errorf("quantize %v is %+v, want %+v", c.action[1:], got, quantize)
		}
	}
	three := newSpace(t, Quantize3, 6)
	for _, c := range []struct {
		action []float64
		want   Choice
	}{
		{[]float64{0.33, 1, 1}, Choice{Float, 0, 32, 32}},
		{[]float64{0.34, 1, 1}, Choice{Int8, 0, 8, 8}},
		{[]float64{0.66, 0, 0}, Choice{Int8, 0, 8, 8}},
		{[]float64{0.67, 0, 0}, Choice{Mixed, 0, 6, 6}},
		{[]float64{1, 0.5, 1}, Choice{Mixed, 0, 4, 1}},
		{[]float64{0.7, 0.99, 0.1}, Choice{Mixed, 0, 1, 6}},
	} {
		if got := three.Choice(c.action); got != c.want {
			t.Errorf("quantize-3 %v is %+v, want %+v", c.action, got, c.want)
		}
	}
	if got := newSpace(t, Prune, 6).Choice([]float64{0.7}); got != (Choice{Float, 0.7, 32, 32}) {
		t.Errorf("prune 0.7 is %+v", got)
	}
}

func TestSpacesRefused(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		bits int
	}{{"guess", 6}, {Joint, 0}, {Joint, 9}, {"", 6}} {
		if _, err := NewSpace(c.kind, c.bits); err == nil {
			t.Errorf("agent %q with %d bits was accepted", c.kind, c.bits)
		}
	}
}

// TestActionInvertsChoice checks choice → action → choice for all choices, and that a
// projected action always means what was done.
func TestActionInvertsChoice(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, kind := range Kinds() {
		for maxBits := 1; maxBits <= 8; maxBits++ {
			s := newSpace(t, kind, maxBits)
			var choices []Choice
			for range 300 {
				action := make([]float64, s.Actions())
				for i := range action {
					action[i] = rng.Float64()
				}
				choices = append(choices, s.Choice(action))
			}
			for i, c := range choices {
				action := s.Action(c)
				if len(action) != s.Actions() {
					t.Fatalf("%s: action %v", kind, action)
				}
				for _, x := range action {
					if x < 0 || x > 1 {
						t.Fatalf("%s: %+v gives %v", kind, c, action)
					}
				}
				if got := s.Choice(action); got != c {
					t.Fatalf("%s, %d bits: %+v gives %v, which is %+v", kind, maxBits, c, action, got)
				}
				if got := s.Project(action, c); !reflect.DeepEqual(got, action) {
					t.Fatalf("%s: an action that means %+v was projected from %v to %v", kind, c, action, got)
				}
				other := choices[(i+1)%len(choices)]
				if got := s.Choice(s.Project(action, other)); got != other {
					t.Fatalf("%s: %v projected to %+v means %+v", kind, action, other, got)
				}
			}
		}
	}
}

func TestBits(t *testing.T) {
	for _, c := range []struct {
		x       float64
		maxBits int
		want    int
	}{{0, 6, 6}, {1, 6, 1}, {0.5, 6, 4}, {0.99, 6, 1}, {0.83, 6, 2}, {-1, 6, 6}, {2, 6, 1}, {0, 1, 1}, {0.3, 8, 6}} {
		if got := Bits(c.x, c.maxBits); got != c.want {
			t.Errorf("Bits(%g, %d) = %d, want %d", c.x, c.maxBits, got, c.want)
		}
	}
}

func TestAbsolute(t *testing.T) {
	reward := Absolute(0.2, -5)
	for _, c := range []struct{ accuracy, latency, want float64 }{
		{0.9, 0.2 * 30, 0.9},
		{0.9, 0.22 * 30, 0.9 - 0.5},
		{0.9, 0.18 * 30, 0.9 - 0.5},
		{0.5, 30, 0.5 - 20},
	} {
		got := reward(Outcome{Accuracy: c.accuracy, Latency: c.latency, ReferenceLatency: 30})
		if math.Abs(got-c.want) > 1e-9 {
			t.Errorf("accuracy %g at %g: %g, want %g", c.accuracy, c.latency, got, c.want)
		}
	}
}
