package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// newBitSerial counts ones, whether that is faster or not.
func newBitSerial(isa ISA, s Shape, weight []int8, weightBits, inputBits int, bias []int32, zero uint8) IntConv {
	return IntPlan{isa, s, weightBits, inputBits, bitSerial}.New(weight, bias, zero)
}

// TestBitConv compares counted bits with the int8 convolution, which other tests hold to the definition:
// every integer must be the same, whatever follows the sums.
func TestBitConv(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 1))
	for i, l := range layers(random) {
		if l.Groups > 1 {
			continue
		}
		inBits, weightBits := 1+i%8, 1+random.IntN(8)
		in := integers[uint8](random, l.inputs())
		zero := uint8(random.IntN(1 << inBits))
		if i%3 == 0 {
			zero = 0
		}
		for j := range in {
			in[j] &= 1<<inBits - 1
			if j < ChannelStride(l.InC) {
				in[j] = zero
			}
		}
		weight := make([]int8, l.weights())
		limit := 1<<(weightBits-1) - 1
		for j := range weight {
			if weight[j] = int8(random.IntN(2*limit+1) - limit); limit == 0 {
				weight[j] = int8(2*random.IntN(2) - 1)
			}
		}
		if i%5 == 0 {
			weight[0] = 0 // even where the others are −1 and 1
		}
		bias := make([]int32, l.OutC)
		for j := range bias {
			bias[j] = int32(random.IntN(2000) - 1000)
		}
		scale := Floats(ChannelStride(l.OutC))
		for j := range l.OutC {
			scale[j] = random.Float32() / 4
		}
		residual := image(random, l.OutH*l.OutW, l.OutC)
		r := &Requantize{Scale: scale, Zero: 30, Hi: 200}
		add := &Requantize{Scale: scale, Zero: 30, Hi: 200, Residual: &QuantAdd{Scale: 0.5, Input: integers[uint8](random, l.outputs()),
			InputScale: 0.25, InputZero: 3, OutScale: 0.75, OutZero: 9, OutHi: 255}}

		direct := newIntConv(Portable, l.Shape, weight, bias, zero)
		want, wantAdded, wantReal := Bytes(l.outputs()), Bytes(l.outputs()), Floats(l.outputs())
		direct.RunUint8(want, in, r)
		direct.RunUint8(wantAdded, in, add)
		direct.RunFloat(wantReal, in, Rescale{scale, residual, -5, 50})
		for _, isa := range Supported() {
			packed := integers[uint8](random, PackedSize(l.Shape, inBits))
			PackBits(isa, l.Shape, packed, in, inBits)
			c := newBitSerial(isa, l.Shape, weight, weightBits, inBits, bias, zero)
			got, added, real := Bytes(l.outputs()), Bytes(l.outputs()), Floats(l.outputs())
			c.RunUint8(got, packed, r)
			c.RunUint8(added, packed, add)
			c.RunFloat(real, packed, Rescale{scale, residual, -5, 50})
			l.eachOutput(func(_, _, at int) {
				if got[at] != want[at] || added[at] != wantAdded[at] || real[at] != wantReal[at] {
					t.Fatalf("%s w%da%d %v: output %d is %d, %d and %g, wants %d, %d and %g", isa, weightBits, inBits, l, at,
						got[at], added[at], real[at], want[at], wantAdded[at], wantReal[at])
				}
			})
			if slices.ContainsFunc(got[:ChannelStride(l.OutC)], func(q uint8) bool { return q != 0 }) {
				t.Fatalf("%s %v: wrote the padding pixel", isa, l)
			}
		}
	}
}

// TestBitsFaster holds the choice to what was measured where AVX-512 counts: of 64 channels on, all
// precisions of no more than four products of bits, unless three or four counts meet too little work, and
// never eight bits.
func TestBitsFaster(t *testing.T) {
	if !slices.Contains(Supported(), AVX512VNNI) || !vectorOf(AVX512VNNI).countsDigits() {
		t.Skip("this machine does not count ones in 512 bits")
	}
	for _, channels := range []int{64, 128, 512} {
		for _, side := range []int{16, 32} {
			for _, l := range []layer{square(channels, channels, side, 3, 1), square(channels, channels, side, 3, 2), square(channels, channels, side, 1, 1)} {
				for weights := 1; weights <= 4; weights++ {
					for inputs := 1; weights*inputs <= 4; inputs++ {
						little := channels == 64 && l.Taps() == 1 && max(weights, inputs) == 4
						if !little && !bitsFaster(AVX512VNNI, l.Shape, weights, inputs) {
							t.Errorf("%s of w%da%d does not count bits", l.name(), weights, inputs)
						}
					}
				}
				if bitsFaster(AVX512VNNI, l.Shape, 8, 8) {
					t.Errorf("%s of w8a8 counts bits", l.name())
				}
			}
		}
	}
}

// TestBitConvBetweenStrides covers kernels of 1×1 that do not see every pixel.
func TestBitConvBetweenStrides(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 2))
	for _, side := range []int{1, 2, 7, 8} {
		for stride := 1; stride <= 3; stride++ {
			l := convolution(70, 40, 1, side, side+1, [2]int{1, 1}, [2]int{stride, stride + 1}, [2]int{1, 1}, [4]int{})
			in, weight := integers[uint8](random, l.inputs()), make([]int8, l.weights())
			for i := range in {
				in[i] &= 3
			}
			for i := range weight {
				weight[i] = int8(random.IntN(3) - 1)
			}
			r := &Requantize{Scale: Floats(ChannelStride(l.OutC)), Zero: 100, Hi: 255}
			for i := range l.OutC {
				r.Scale[i] = 1
			}
			want, got := Bytes(l.outputs()), Bytes(l.outputs())
			newIntConv(Portable, l.Shape, weight, nil, 0).RunUint8(want, in, r)
			for _, isa := range Supported() {
				packed := integers[uint8](random, PackedSize(l.Shape, 2))
				PackBits(isa, l.Shape, packed, in, 2)
				newBitSerial(isa, l.Shape, weight, 2, 2, nil, 0).RunUint8(got, packed, r)
				l.eachOutput(func(_, _, at int) {
					if got[at] != want[at] {
						t.Fatalf("%s %v: output %d is %d, wants %d", isa, l, at, got[at], want[at])
					}
				})
			}
		}
	}
}
