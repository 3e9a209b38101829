package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// layer is a convolution to test.
type layer struct{ Shape }

func (l layer) String() string {
	return fmt.Sprintf("%dx%dx%d→%dx%dx%d k%v s%v d%v pad %d,%d groups %d", l.InC, l.InH, l.InW, l.OutC, l.OutH, l.OutW,
		l.Kernel, l.Stride, l.Dilation, l.Top, l.Left, l.Groups)
}

// convolution describes a layer; pads are top, left, bottom, right.
func convolution(inC, outC, groups, h, w int, kernel, stride, dilation [2]int, pads [4]int) layer {
	return layer{Shape{InC: inC, OutC: outC, Groups: groups, Window: Window{
		InH: h, InW: w,
		OutH:   (h+pads[0]+pads[2]-dilation[0]*(kernel[0]-1)-1)/stride[0] + 1,
		OutW:   (w+pads[1]+pads[3]-dilation[1]*(kernel[1]-1)-1)/stride[1] + 1,
		Kernel: kernel, Stride: stride, Dilation: dilation, Top: pads[0], Left: pads[1],
	}}}
}

// square is a convolution of a square image with a square kernel, padded to keep its size at stride 1.
func square(inC, outC, size, kernel, stride int) layer {
	pad := kernel / 2
	return convolution(inC, outC, 1, size, size, [2]int{kernel, kernel}, [2]int{stride, stride}, [2]int{1, 1}, [4]int{pad, pad, pad, pad})
}

func layers(random *rand.Rand) []layer {
	one, three := [2]int{1, 1}, [2]int{3, 3}
	cases := []layer{
		square(3, 16, 8, 3, 1), square(1, 1, 5, 3, 1), square(16, 32, 8, 3, 2), square(17, 24, 7, 3, 1),
		square(40, 10, 5, 1, 1), square(24, 40, 6, 5, 1), square(64, 64, 4, 3, 1), square(32, 48, 4, 3, 2),
		square(512, 10, 1, 1, 1), square(37, 1000, 1, 1, 1), square(10, 17, 9, 7, 2), square(4, 80, 13, 3, 1),
		convolution(8, 16, 1, 9, 11, three, [2]int{2, 1}, one, [4]int{0, 1, 1, 0}),
		convolution(12, 20, 1, 9, 9, three, one, [2]int{2, 3}, [4]int{2, 3, 2, 3}),
		convolution(6, 9, 3, 6, 5, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(64, 128, 4, 6, 6, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(72, 72, 24, 5, 5, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(32, 32, 32, 8, 8, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(19, 19, 19, 8, 7, [2]int{5, 3}, [2]int{2, 2}, one, [4]int{2, 1, 2, 1}),
		convolution(3, 6, 3, 7, 7, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(40, 40, 40, 14, 14, three, one, one, [4]int{1, 1, 1, 1}),
		convolution(16, 16, 16, 9, 15, three, [2]int{2, 2}, one, [4]int{1, 1, 1, 1}),
		convolution(35, 35, 35, 5, 28, [2]int{5, 5}, one, one, [4]int{2, 2, 2, 2}),
		convolution(48, 48, 48, 11, 17, [2]int{5, 5}, [2]int{2, 2}, one, [4]int{2, 1, 2, 2}),
		convolution(16, 16, 16, 3, 300, [2]int{2, 3}, one, [2]int{2, 1}, [4]int{1, 0, 1, 2}),
	}
	for len(cases) < 60 {
		groups := []int{1, 1, 1, 2, 3}[random.IntN(5)]
		in, out := groups*(1+random.IntN(40)), groups*(1+random.IntN(50))
		if random.IntN(6) == 0 {
			groups, out = in, in
		}
		kernel := [2]int{1 + random.IntN(4), 1 + random.IntN(4)}
		stride := [2]int{1 + random.IntN(3), 1 + random.IntN(3)}
		dilation := [2]int{1 + random.IntN(2), 1 + random.IntN(2)}
		pads := [4]int{random.IntN(3), random.IntN(3), random.IntN(3), random.IntN(3)}
		h, w := dilation[0]*(kernel[0]-1)+1+random.IntN(9), dilation[1]*(kernel[1]-1)+1+random.IntN(9)
		cases = append(cases, convolution(in, out, groups, h, w, kernel, stride, dilation, pads))
	}
	return cases
}

// visit calls f with every pair of weight (OIHW index) and input scalar (buffer index)
// whose product belongs to an output channel of an output pixel.
func (l layer) visit(pixel, channel int, f func(weight, input int)) {
	inPer, outPer := l.InC/l.Groups, l.OutC/l.Groups
	for ky := range l.Kernel[0] {
		for kx := range l.Kernel[1] {
			y := pixel/l.OutW*l.Stride[0] + ky*l.Dilation[0] - l.Top
			x := pixel%l.OutW*l.Stride[1] + kx*l.Dilation[1] - l.Left
			if y < 0 || x < 0 || y >= l.InH || x >= l.InW {
				continue
			}
			for k := range inPer {
				weight := ((channel*inPer+k)*l.Kernel[0]+ky)*l.Kernel[1] + kx
				f(weight, (1+y*l.InW+x)*ChannelStride(l.InC)+channel/outPer*inPer+k)
			}
		}
	}
}

func (l layer) inputs() int  { return (1 + l.InH*l.InW) * ChannelStride(l.InC) }
func (l layer) outputs() int { return (1 + l.OutH*l.OutW) * ChannelStride(l.OutC) }
func (l layer) weights() int { return l.OutC * l.InC / l.Groups * l.Taps() }

// eachOutput calls f with every pixel, channel and their index in the output buffer.
func (l layer) eachOutput(f func(pixel, channel, at int)) {
	for p := range l.OutH * l.OutW {
		for c := range l.OutC {
			f(p, c, (1+p)*ChannelStride(l.OutC)+c)
		}
	}
}

func normals(random *rand.Rand, n int) []float32 {
	x := Floats(n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// image returns an activation buffer: padding pixel and unused lanes zero, the rest normal.
func image(random *rand.Rand, pixels, channels int) []float32 {
	x := normals(random, (1+pixels)*ChannelStride(channels))
	clear(x[:ChannelStride(channels)])
	clearPadding(x, channels)
	return x
}

func integers[T uint8 | int8](random *rand.Rand, n int) []T {
	x := aligned[T](n)
	for i := range x {
		x[i] = T(random.IntN(256))
	}
	return x
}

// unitRoundoff is float32's: half the distance between 1 and the next number.
const unitRoundoff = 1.0 / (1 << 24)

// newDirect plans a float convolution without transforms.
func newDirect(isa ISA, s Shape, weight, bias []float32, lo, hi float32) FloatConv {
	return PlanFloat(isa, s, false).New(weight, bias, lo, hi)
}

func TestFloatConv(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, l := range layers(random) {
		in := image(random, l.InH*l.InW, l.InC)
		residual := image(random, l.OutH*l.OutW, l.OutC)
		weight, bias := normals(random, l.weights()), normals(random, l.OutC)
		if random.IntN(4) == 0 {
			bias = nil
		}
		if random.IntN(3) == 0 {
			residual = nil
		}
		lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
		switch random.IntN(4) {
		case 0:
			lo = 0
		case 1:
			lo, hi = 0.25, 6
		}
		want, bound := make([]float64, l.outputs()), make([]float64, l.outputs())
		l.eachOutput(func(pixel, channel, at int) {
			sum, size, terms := 0.0, 0.0, 2
			if bias != nil {
				sum, size = float64(bias[channel]), math.Abs(float64(bias[channel]))
			}
			if residual != nil {
				sum += float64(residual[at])
				size += math.Abs(float64(residual[at]))
			}
			l.visit(pixel, channel, func(w, i int) {
				product := float64(weight[w]) * float64(in[i])
				sum += product
				size += math.Abs(product)
				terms++
			})
			want[at] = max(float64(lo), min(float64(hi), sum))
			bound[at] = float64(terms) * unitRoundoff * size * 1.001
		})
		for _, isa := range Supported() {
			out := normals(random, l.outputs())
			padding := slices.Clone(out[:ChannelStride(l.OutC)])
			newDirect(isa, l.Shape, weight, bias, lo, hi).Run(out, in, residual, nil)
			if !slices.Equal(out[:len(padding)], padding) {
				t.Fatalf("%s %v: wrote the padding pixel", isa, l)
			}
			for at := ChannelStride(l.OutC); at < len(out); at++ {
				if d := math.Abs(float64(out[at]) - want[at]); !(d <= bound[at]) {
					t.Fatalf("%s %v: out[%d] = %v, want %v ± %v", isa, l, at, out[at], want[at], bound[at])
				}
			}
		}
	}
}

func TestFloatConvResidualInPlace(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l := square(20, 40, 6, 3, 1)
	in, out := image(random, 36, 20), image(random, 36, 40)
	weight := normals(random, l.weights())
	for _, isa := range Supported() {
		c := newDirect(isa, l.Shape, weight, nil, 0, 6)
		want := Floats(len(out))
		c.Run(want, in, out, nil)
		got := slices.Clone(out)
		c.Run(got, in, got, nil)
		if !slices.Equal(got[ChannelStride(40):], want[ChannelStride(40):]) {
			t.Errorf("%s: adding the output to itself differs from adding a copy", isa)
		}
	}
}

// roundHalfEven is the definition of quantization, in float64 on a float32 argument.
func roundHalfEven(y float32, zero, lo, hi uint8) uint8 {
	q := math.RoundToEven(float64(y)) + float64(zero)
	return uint8(max(float64(lo), min(float64(hi), q)))
}

// quantAddDefinition is AddUint8's definition; products of a float32 and a small integer are
// rounded to float32 one by one.
func quantAddDefinition(a, b uint8, qa, qb, qo Affine, lo, hi uint8) uint8 {
	x := float32(float64(int(a)-int(qa.Zero)) * float64(qa.Scale))
	y := float32(float64(int(b)-int(qb.Zero)) * float64(qb.Scale))
	sum := float32(float64(x) + float64(y))
	return roundHalfEven(float32(float64(sum)/float64(qo.Scale)), qo.Zero, lo, hi)
}

func limits(random *rand.Rand) (lo, hi uint8) {
	if random.IntN(2) == 0 {
		return 0, 255
	}
	lo = uint8(random.IntN(200))
	return lo, lo + uint8(random.IntN(256-int(lo)))
}

func TestIntConv(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 1))
	for _, l := range layers(random) {
		checkIntConv(t, random, l, planInt)
	}
}

// TestIntConvChannels meets every width and depth of tiles with few channels, in tiles and strips of every size.
func TestIntConvChannels(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	for in := 1; in <= 40; in++ {
		for out := 1; out <= 40; out++ {
			pixels := 1 + (5*in+7*out)%29
			checkIntConv(t, random, convolution(in, out, 1, 1, pixels, [2]int{1, 3}, [2]int{1, 1}, [2]int{1, 1}, [4]int{0, 1, 0, 1}), planInt)
		}
	}
}

// planInt plans a convolution of 8-bit integers.
func planInt(isa ISA, s Shape) IntPlan { return PlanInt(isa, s, 8, 8) }

func newIntConv(isa ISA, s Shape, weight []int8, bias []int32, zero uint8) IntConv {
	return planInt(isa, s).New(weight, bias, zero)
}

// checkIntConv compares all ends of a convolution, as planned for every instruction set, with their definitions. Lanes
// beyond the channels of inputs are arbitrary.
func checkIntConv(t *testing.T, random *rand.Rand, l layer, plan func(isa ISA, s Shape) IntPlan) {
	t.Helper()
	stride := ChannelStride(l.OutC)
	zero := uint8(random.IntN(256))
	if random.IntN(2) == 0 {
		zero = 0
	}
	in, weight := integers[uint8](random, l.inputs()), integers[int8](random, l.weights())
	for i := range ChannelStride(l.InC) {
		in[i] = zero
	}
	bias := make([]int32, l.OutC)
	for i := range bias {
		bias[i] = int32(random.IntN(100000) - 50000)
	}
	sums := make([]int64, l.outputs())
	l.eachOutput(func(pixel, channel, at int) {
		sums[at] = int64(bias[channel])
		l.visit(pixel, channel, func(w, i int) {
			sums[at] += int64(weight[w]) * (int64(in[i]) - int64(zero))
		})
	})
	scale := Floats(stride)
	for i := range l.OutC {
		scale[i] = float32(math.Exp(random.NormFloat64()*2 - 8))
	}
	r := &Requantize{Scale: scale, Zero: uint8(random.IntN(256))}
	r.Lo, r.Hi = limits(random)
	add := &QuantAdd{
		Scale: 0.03, Input: integers[uint8](random, l.outputs()), InputScale: 0.021 + random.Float32()/10, InputZero: uint8(random.IntN(256)),
		OutScale: 0.05, OutZero: uint8(random.IntN(256)),
	}
	add.OutLo, add.OutHi = limits(random)
	residual := image(random, l.OutH*l.OutW, l.OutC)
	lo, hi := float32(-1), float32(random.IntN(3))
	for _, isa := range Supported() {
		c := plan(isa, l.Shape).New(weight, bias, zero)

		quantized := integers[uint8](random, l.outputs())
		padding := slices.Clone(quantized[:stride])
		c.RunUint8(quantized, in, r)
		if !slices.Equal(quantized[:stride], padding) {
			t.Fatalf("%s %v: wrote the padding pixel", isa, l)
		}
		added := Bytes(l.outputs())
		withAdd := *r
		withAdd.Residual = add
		c.RunUint8(added, in, &withAdd)

		real, realAdded := normals(random, l.outputs()), Floats(l.outputs())
		c.RunFloat(real, in, Rescale{Scale: scale, Lo: lo, Hi: hi})
		c.RunFloat(realAdded, in, Rescale{scale, residual, lo, hi})

		l.eachOutput(func(pixel, channel, at int) {
			product := float32(int32(sums[at])) * scale[channel]
			q := roundHalfEven(product, r.Zero, r.Lo, r.Hi)
			if quantized[at] != q {
				t.Fatalf("%s %v: quantized[%d] = %d, want %d (sum %d)", isa, l, at, quantized[at], q, sums[at])
			}
			want := quantAddDefinition(q, add.Input[at], Affine{add.Scale, r.Zero}, Affine{add.InputScale, add.InputZero},
				Affine{add.OutScale, add.OutZero}, add.OutLo, add.OutHi)
			if added[at] != want {
				t.Fatalf("%s %v: added[%d] = %d, want %d", isa, l, at, added[at], want)
			}
			if y := max(lo, min(hi, product)); real[at] != y {
				t.Fatalf("%s %v: real[%d] = %v, want %v", isa, l, at, real[at], y)
			}
			if y := max(lo, min(hi, float32(float64(product)+float64(residual[at])))); realAdded[at] != y {
				t.Fatalf("%s %v: realAdded[%d] = %v, want %v", isa, l, at, realAdded[at], y)
			}
		})
		for i := stride; i < len(real); i += stride {
			for _, y := range append(real[i+l.OutC:i+stride:i+stride], realAdded[i+l.OutC:i+stride]...) {
				if y != 0 {
					t.Fatalf("%s %v: lanes beyond the channels are not zero", isa, l)
				}
			}
		}
	}
}

// TestIntConvExtremes reaches the largest sums a layer can have and scales that overflow the
// quantized range far on both sides.
func TestIntConvExtremes(t *testing.T) {
	l := square(512, 16, 3, 3, 1)
	in, weight := Bytes(l.inputs()), make([]int8, l.weights())
	for i := range in[ChannelStride(l.InC):] {
		in[ChannelStride(l.InC)+i] = 255
	}
	for i := range weight {
		weight[i] = -128
		if i/(512*9)%2 == 0 {
			weight[i] = 127
		}
	}
	for _, scale := range []float32{1e-7, 0.5, 1e4, 1e30} {
		r := &Requantize{Scale: Floats(16), Zero: 100, Lo: 3, Hi: 250}
		for i := range r.Scale {
			r.Scale[i] = scale
		}
		for _, isa := range Supported() {
			out := Bytes(l.outputs())
			newIntConv(isa, l.Shape, weight, nil, 0).RunUint8(out, in, r)
			l.eachOutput(func(pixel, channel, at int) {
				sum := int64(0)
				l.visit(pixel, channel, func(w, i int) { sum += int64(weight[w]) * int64(in[i]) })
				if want := roundHalfEven(float32(sum)*scale, r.Zero, r.Lo, r.Hi); out[at] != want {
					t.Fatalf("%s scale %v: out[%d] = %d, want %d", isa, scale, at, out[at], want)
				}
			})
		}
	}
}
