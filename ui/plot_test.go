package ui

import (
	"math"
	"testing"
)

func TestChartsLeaveOutliersAtTheirEdges(t *testing.T) {
	learning := make([]float64, 100) // rises evenly: no outliers
	for i := range learning {
		learning[i] = 0.5 + 0.004*float64(i)
	}
	settled := make([]float64, 100) // but for its first trials
	for i := range settled {
		settled[i] = 0.92 + 0.0002*float64(i)
	}
	copy(settled, []float64{0.12, 0.4, 0.5, math.NaN()})
	lucky := make([]float64, 40) // the greatest is asked for
	lucky[7] = 0.9
	for name, c := range map[string]struct {
		values    []float64
		low, high float64
		reaching  string
	}{
		"learning": {learning, 0.5, 0.9, ""},
		"settled":  {settled, 0.9, 0.95, "≤ "},
		"lucky":    {lucky, 0, 0.9, ""},
		"few":      {[]float64{0.1, 0.9, 0.9, 0.9}, 0.1, 0.9, ""},
		"none":     {nil, 0, 1, ""},
	} {
		s := numbersOf(c.values)
		low, high := scale(s, 0.05, s.most())
		if math.Abs(low-c.low) > 1e-9 || math.Abs(high-c.high) > 1e-9 || reaching(s, low) != c.reaching {
			t.Errorf("%s: the axis is %q%v … %v, want %q%v … %v", name, reaching(s, low), low, high, c.reaching, c.low, c.high)
		}
	}
}
