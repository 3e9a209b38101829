package kernel

import (
	"math/rand/v2"
	"testing"
)

func TestChannelMap(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	inputs := []int{58, 24, 130}
	shuffle := func(groups int, first, last, input int) (from []Channel) {
		n := inputs[input] / groups
		for i := first; i < last; i++ {
			from = append(from, Channel{input, i%groups*n + i/groups})
		}
		return from
	}
	interleaved := []Channel{}
	for i := range 24 {
		interleaved = append(interleaved, Channel{0, i}, Channel{1, i})
	}
	random58 := []Channel{}
	for _, c := range random.Perm(58) {
		random58 = append(random58, Channel{0, c})
	}
	concatenated := append(shuffle(1, 0, 58, 0), append(shuffle(1, 0, 24, 1), shuffle(1, 0, 130, 2)...)...)
	for _, test := range []struct {
		name     string
		from     []Channel
		vectored bool
	}{
		{"two groups", shuffle(2, 0, 58, 0), true},
		{"half of two groups", shuffle(2, 29, 58, 0), true},
		{"slice", shuffle(1, 29, 58, 0), true},
		{"end", shuffle(1, 129, 130, 2), true},
		{"interleaved", interleaved, true},
		{"concatenated", concatenated, true},
		{"ten groups", shuffle(10, 0, 130, 2), false},
		{"random", random58, false},
	} {
		for _, pixels := range []int{1, 49, 100} {
			var in [][]float32
			for _, channels := range inputs {
				in = append(in, image(random, pixels, channels))
			}
			for _, isa := range Supported() {
				m := NewChannelMap(isa, pixels, inputs, test.from)
				if v := vectorOf(isa); v != nil && v.mapChannels != nil && test.vectored && m.vector == nil {
					t.Errorf("%s: %s is not computed by vectors", isa, test.name)
				}
				out := normals(random, (1+pixels)*ChannelStride(len(test.from))+1)
				out[0], out[len(out)-1] = 77, 77
				m.Run(out[:len(out)-1], in)
				for at := m.stride; at < len(out)-1; at++ {
					pixel, c, want := at/m.stride, at%m.stride, float32(0)
					if c < len(test.from) {
						from := test.from[c]
						want = in[from.Input][pixel*ChannelStride(inputs[from.Input])+from.Channel]
					}
					if out[at] != want {
						t.Fatalf("%s %s: channel %d of pixel %d is %v, want %v", isa, test.name, c, pixel, out[at], want)
					}
				}
				if out[0] != 77 || out[len(out)-1] != 77 {
					t.Fatalf("%s %s: wrote beside the output", isa, test.name)
				}
			}
		}
	}
}
