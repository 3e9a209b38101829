package kernel

//go:generate go run -C gen . -gradients -out ../gradients_amd64.s -stubs ../gradients_amd64.go -pkg kernel
//go:generate go run -C gen ./arm64 -gradients -out ../gradients_arm64.s -stubs ../gradients_arm64.go

// gradientVector is one instruction set's assembly for training. What is nil runs the
// portable version. Operations on pixels take whole vectors of
// channels.
type gradientVector struct {
	outerRows, outerWidth int             // of the largest tile
	outer                 [3]outerProduct // by columns/16

	winogradGradient func(channels int, src, dst *float32, offsets *int32, plane int, scratch *float32)
	moments          func(pixels, channels int, x, pivot, first, second *float32)
	affine           func(pixels, channels int, to, x, factor, offset *float32, lo float32)
	products         func(pixels, channels int, gradient, out, x, pivot, first, second *float32)
	normGradient     func(pixels, channels int, to, prior, gradient, out, x, factor, slope, offset *float32)
	passPositive     func(n int, to, prior, gradient, out *float32)
}

// noGradients is what an ISA without assembly has.
var noGradients gradientVector

// outerProduct adds n outer products to a tile whose rows are stride bytes apart.
type outerProduct func(n int, a, b, c *float32, offsets *int32, stride int)

// runPixels bounds how many pixels of the given stride an operation passes over before it
// turns to the next channels, so that it finds them in the first-level cache.
func runPixels(stride int) int { return max(1, 2048/stride) }

// ChannelMoments adds to first and second, per channel, Σ d and Σ d² of d = x − pivot
// over the pixels of x. pivot, first and second are a pixel's stride long.
func ChannelMoments(isa ISA, x, pivot, first, second []float32) {
	stride := len(pivot)
	first, second = first[:stride], second[:stride]
	v, step := gradientsOf(isa), runPixels(stride)*stride
	for len(x) >= stride {
		run := x[:min(step, len(x)/stride*stride)]
		x = x[len(run):]
		if v.moments != nil {
			v.moments(len(run)/stride, stride, &run[0], &pivot[0], &first[0], &second[0])
			continue
		}
		for c, p := range pivot {
			s, q := first[c], second[c]
			for at := c; at < len(run); at += stride {
				d := run[at] - p
				s += d
				q += d * d
			}
			first[c], second[c] = s, q
		}
	}
}

// ChannelAffine computes to = max(factor·x + offset, lo) per channel over pixels; to may
// be x. The tables are a pixel's stride long, zero beyond the channels; lo is not above 0.
func ChannelAffine(isa ISA, to, x, factor, offset []float32, lo float32) {
	stride := len(factor)
	x, offset = x[:len(to)], offset[:stride]
	v, step := gradientsOf(isa), runPixels(stride)*stride
	for at := 0; at+stride <= len(to); at += step {
		end := min(at+step, len(to)/stride*stride)
		if v.affine != nil {
			v.affine((end-at)/stride, stride, &to[at], &x[at], &factor[0], &offset[0], lo)
			continue
		}
		for c, f := range factor {
			o := offset[c]
			for i := at + c; i < end; i += stride {
				y := f*x[i] + o
				if y < lo {
					y = lo
				}
				to[i] = y
			}
		}
	}
}

// ChannelProducts adds to first and second, per channel, Σ g and Σ g·(x − pivot) over
// pixels, where g is the gradient; with out, it is zero where out is not positive, as
// behind a ReLU. gradient, out (nil: none) and x have the same layout.
func ChannelProducts(isa ISA, gradient, out, x, pivot, first, second []float32) {
	stride := len(pivot)
	first, second, x = first[:stride], second[:stride], x[:len(gradient)]
	if out != nil {
		out = out[:len(gradient)]
	}
	v, step := gradientsOf(isa), runPixels(stride)*stride
	for at := 0; at+stride <= len(gradient); at += step {
		end := min(at+step, len(gradient)/stride*stride)
		if v.products != nil {
			v.products((end-at)/stride, stride, &gradient[at], optional(out, at), &x[at], &pivot[0], &first[0], &second[0])
			continue
		}
		for c, p := range pivot {
			s, q := first[c], second[c]
			for i := at + c; i < end; i += stride {
				if out == nil || out[i] > 0 {
					s += gradient[i]
					q += gradient[i] * (x[i] - p)
				}
			}
			first[c], second[c] = s, q
		}
	}
}

// NormGradient computes to = factor·g + slope·x + offset + prior per channel, with g as
// in [ChannelProducts]. prior may be nil, and it may be to. The tables are a pixel's
// stride long, zero beyond the channels.
func NormGradient(isa ISA, to, prior, gradient, out, x, factor, slope, offset []float32) {
	stride := len(factor)
	gradient, x, slope, offset = gradient[:len(to)], x[:len(to)], slope[:stride], offset[:stride]
	if out != nil {
		out = out[:len(to)]
	}
	if prior != nil {
		prior = prior[:len(to)]
	}
	v, step := gradientsOf(isa), runPixels(stride)*stride
	for at := 0; at+stride <= len(to); at += step {
		end := min(at+step, len(to)/stride*stride)
		if v.normGradient != nil {
			v.normGradient((end-at)/stride, stride, &to[at], optional(prior, at), &gradient[at], optional(out, at), &x[at],
				&factor[0], &slope[0], &offset[0])
			continue
		}
		for c, f := range factor {
			s, o := slope[c], offset[c]
			for i := at + c; i < end; i += stride {
				y := s*x[i] + o
				if out == nil || out[i] > 0 {
					y += f * gradient[i]
				}
				if prior != nil {
					y += prior[i]
				}
				to[i] = y
			}
		}
	}
}

// PassPositive computes to = gradient where out > 0, else 0, plus prior over len(to)
// scalars: the gradient of a ReLU. prior may be nil; prior and gradient may be to.
func PassPositive(isa ISA, to, prior, gradient, out []float32) {
	gradient, out = gradient[:len(to)], out[:len(to)]
	if prior != nil {
		prior = prior[:len(to)]
	}
	done := 0
	if v := gradientsOf(isa); v.passPositive != nil {
		const piece = 1 << 16
		done = len(to) / lanes * lanes
		for at := 0; at < done; at += piece {
			v.passPositive(min(piece, done-at), &to[at], optional(prior, at), &gradient[at], &out[at])
		}
	}
	for i := done; i < len(to); i++ {
		var g float32
		if out[i] > 0 {
			g = gradient[i]
		}
		if prior != nil {
			g += prior[i]
		}
		to[i] = g
	}
}
