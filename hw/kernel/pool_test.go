package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// pools are windows over images, none of which lies in the padding alone.
func pools() []layer {
	one, two, three := [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}
	return []layer{
		convolution(16, 16, 16, 6, 6, two, two, one, [4]int{}),
		convolution(64, 64, 64, 9, 11, three, two, one, [4]int{1, 1, 1, 1}),
		convolution(19, 19, 19, 8, 7, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(33, 33, 33, 40, 39, three, [2]int{1, 2}, two, [4]int{1, 0, 1, 1}),
		convolution(130, 130, 130, 7, 5, [2]int{7, 5}, one, one, [4]int{}),
		convolution(3, 3, 3, 5, 4, one, three, one, [4]int{}),
	}
}

func TestMaxPool(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	for _, l := range pools() {
		floats, bytes := image(random, l.InH*l.InW, l.InC), integers[uint8](random, l.inputs())
		for _, isa := range Supported() {
			p := NewMaxPool(isa, l.Window, l.InC)
			if isa == Portable && p.offsets != nil {
				t.Fatalf("%v: offsets that nothing reads", l)
			}
			outFloats, outBytes := Floats(l.outputs()+1), Bytes(l.outputs()+1)
			outFloats[0], outFloats[l.outputs()], outBytes[0], outBytes[l.outputs()] = 77, 77, 77, 77
			p.RunFloat(outFloats[:l.outputs()], floats)
			p.RunUint8(outBytes[:l.outputs()], bytes)
			l.eachOutput(func(pixel, channel, at int) {
				wantFloat, wantByte := float32(math.Inf(-1)), uint8(0)
				l.visit(pixel, channel, func(_, i int) {
					wantFloat, wantByte = max(wantFloat, floats[i]), max(wantByte, bytes[i])
				})
				if outFloats[at] != wantFloat || outBytes[at] != wantByte {
					t.Fatalf("%s %v: out[%d] = %v and %v, want %v and %v", isa, l, at, outFloats[at], outBytes[at], wantFloat, wantByte)
				}
			})
			checkUnusedLanes(t, l, outFloats)
			if outFloats[0] != 77 || outFloats[l.outputs()] != 77 || outBytes[0] != 77 || outBytes[l.outputs()] != 77 {
				t.Fatalf("%s %v: wrote beside the output", isa, l)
			}
		}
	}
}

// checkUnusedLanes wants zeros beyond the channels of an output.
func checkUnusedLanes(t *testing.T, l layer, out []float32) {
	t.Helper()
	stride := ChannelStride(l.OutC)
	for at := stride; at < l.outputs(); at++ {
		if at%stride >= l.OutC && out[at] != 0 {
			t.Fatalf("%v: lane beyond the channels, out[%d], is %v", l, at, out[at])
		}
	}
}

func TestAveragePool(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 2))
	for _, l := range pools() {
		in := image(random, l.InH*l.InW, l.InC)
		divisor := func(pixel int) int { return 2 + pixel%3 }
		for _, isa := range Supported() {
			p := NewAveragePool(isa, l.Window, l.InC, divisor)
			out := Floats(l.outputs())
			out[0] = 77
			p.Run(out, in)
			l.eachOutput(func(pixel, channel, at int) {
				sum, size, terms := 0.0, 0.0, 2
				l.visit(pixel, channel, func(_, i int) {
					sum += float64(in[i])
					size += math.Abs(float64(in[i]))
					terms++
				})
				d := float64(divisor(pixel))
				if !(math.Abs(float64(out[at])-sum/d) <= float64(terms)*unitRoundoff*size/d*1.001) {
					t.Fatalf("%s %v: out[%d] = %v, want %v", isa, l, at, out[at], sum/d)
				}
			})
			checkUnusedLanes(t, l, out)
			if out[0] != 77 {
				t.Fatalf("%s %v: wrote the padding pixel", isa, l)
			}
		}
	}
}

func TestScaleChannels(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 3))
	for _, channels := range []int{1, 16, 19, 48, 130} {
		for _, pixels := range []int{1, 2, 4, 7, 49} {
			in := image(random, pixels, channels)
			factor, shift := normals(random, ChannelStride(channels)), normals(random, ChannelStride(channels))
			clear(factor[channels:])
			clear(shift[channels:])
			for _, isa := range Supported() {
				out := Floats(len(in) + 1)
				out[0], out[len(in)] = 77, 77
				ScaleChannels(isa, out[:len(in)], in, factor, shift, -0.5, 1)
				for at := len(factor); at < len(in); at++ {
					c := at % len(factor)
					product := float64(in[at]) * float64(factor[c])
					want := max(-0.5, min(1, product+float64(shift[c])))
					if !(math.Abs(float64(out[at])-want) <= 2*unitRoundoff*(math.Abs(product)+math.Abs(float64(shift[c])))) {
						t.Fatalf("%s %d×%d: out[%d] = %v, want %v", isa, pixels, channels, at, out[at], want)
					}
				}
				if out[0] != 77 || out[len(in)] != 77 {
					t.Fatalf("%s %d×%d: wrote beside the output", isa, pixels, channels)
				}
			}
		}
	}
}
