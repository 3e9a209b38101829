package planner

import "testing"

func TestInterpolate(t *testing.T) {
	xs, ys := []float64{0, 1, 3}, []float64{4, 2, 1}
	for _, c := range []struct{ x, want float64 }{{0, 4}, {0.5, 3}, {1, 2}, {2, 1.5}, {3, 1}, {5, 0}, {-1, 6}} {
		if got := interpolate(xs, ys, c.x); got != c.want {
			t.Errorf("at %v: %v, want %v", c.x, got, c.want)
		}
	}
}
