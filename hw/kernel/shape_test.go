package kernel

import "testing"

func TestShape(t *testing.T) {
	grouped := convolution(24, 48, 8, 6, 5, [2]int{3, 1}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 0, 1, 0})
	depthwise := convolution(24, 24, 24, 6, 5, [2]int{3, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1})
	for _, c := range []struct {
		layer
		weights   int
		depthwise bool
	}{
		{square(1, 1, 4, 1, 1), 1, false},
		{square(16, 20, 4, 3, 1), 16 * 20 * 9, false},
		{grouped, 48 * 3 * 3, false},
		{depthwise, 24 * 9, true},
	} {
		if n := c.Weights(); n != c.weights {
			t.Errorf("%v: %d weights, want %d", c.layer, n, c.weights)
		}
		if d := c.Depthwise(); d != c.depthwise {
			t.Errorf("%v: depthwise: %t", c.layer, d)
		}
	}
}

// TestImpossibleShapes plans what no convolution is.
func TestImpossibleShapes(t *testing.T) {
	for name, spoil := range map[string]func(*Shape){
		"no channels":          func(s *Shape) { s.InC = 0 },
		"no groups":            func(s *Shape) { s.Groups = 0 },
		"unequal groups":       func(s *Shape) { s.Groups = 3 },
		"no output":            func(s *Shape) { s.OutH = 0 },
		"no kernel":            func(s *Shape) { s.Kernel[1] = 0 },
		"no stride":            func(s *Shape) { s.Stride[0] = 0 },
		"pixels too narrow":    func(s *Shape) { s.InStride = 4 },
		"pixels of odd length": func(s *Shape) { s.InStride = 33 },
	} {
		l := square(8, 16, 4, 3, 1)
		spoil(&l.Shape)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: is planned", name)
				}
			}()
			newDirect(Portable, l.Shape, make([]float32, 8*16*9), nil, 0, 1)
		}()
	}
}
