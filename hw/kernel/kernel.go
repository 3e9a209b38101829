// Package kernel is the arithmetic of inference on one image: convolution in float
// and integers, matrix multiplication and the element-wise operations between
// them. Every operation has a portable version, which defines its result, and
// assembly for the instruction sets of [ISA]. All versions agree: integers exactly,
// floats up to the rounding of another order of summation
// (|difference| ≤ γₙ·Σ|x·w| with γₙ = n·2⁻²⁴/(1−n·2⁻²⁴) for n summands on each side).
//
// # Convolutions
//
// [PlanInt] and [PlanFloat] choose by which algorithm a convolution of a [Shape] is computed; their plans pack its
// weights and give an [IntConv] or a [FloatConv] to run, any number of times at once. Training has [BatchConv] and
// [WeightGradient].
//
// # Layout
//
// An activation buffer holds 1+H·W pixels of ChannelStride(C) scalars, channels
// innermost (NHWC). Pixel 0 is the padding pixel, which convolution reads
// wherever its window reaches outside the image: zeros for float, the zero point
// for uint8. Whoever allocates a buffer fills pixel 0 once; no operation here
// writes it. Lanes beyond C are zero in float buffers and arbitrary in uint8
// ones, where the packed weights that meet them are zero.
//
// Slices passed to operations must have the lengths their shapes imply; that is
// checked, and a shorter one panics as an index out of range would.
package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// ISA names a level of instruction set that kernels exist for. Only one that
// [Supported] lists may be used.
type ISA string

const (
	Portable   ISA = "portable"   // plain Go
	AVX2       ISA = "avx2"       // with FMA
	AVX512     ISA = "avx512"     // F, BW, DQ, VL
	AVX512VNNI ISA = "avx512vnni" // the same with 8-bit dot products
	NEON       ISA = "neon"       // every arm64 has it
	NEONDot    ISA = "neondot"    // with 8-bit dot products
)

// EnvISA is the environment variable that forces an ISA.
const EnvISA = "GALEN_ISA"

// Supported lists what this CPU and operating system run, slowest first. Portable is always there.
func Supported() []ISA { return append([]ISA{Portable}, detected()...) }

// Default is the fastest supported ISA, or the one GALEN_ISA names.
func Default() (ISA, error) {
	supported := Supported()
	forced := ISA(os.Getenv(EnvISA))
	if forced == "" {
		return supported[len(supported)-1], nil
	}
	if !slices.Contains(supported, forced) {
		names := make([]string, len(supported))
		for i, isa := range supported {
			names[i] = string(isa)
		}
		return "", fmt.Errorf("%s=%q is not an instruction set of this machine; unset it or use one of %s",
			EnvISA, forced, strings.Join(names, ", "))
	}
	return forced, nil
}
