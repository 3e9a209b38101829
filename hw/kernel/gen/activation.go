package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Activations compute what activation.go of package kernel defines, exponentials with fused multiplications and
// additions.

// literals hands out numbers in all lanes. AVX-512 keeps them in registers, of which AVX2 has too few: there
// they lie in memory.
type literals struct {
	v     isa
	table Mem
	at    map[float32]int
}

// literalNumbers are all that activations need.
var literalNumbers = []float32{
	0, 1, 2, 3, 6, 1. / 6, expLowest, expHighest, log2E, ln2High, ln2Low,
	expP0, expP1, expP2, expP3, expP4, expP5, tanhNear, tanhP0, tanhP1, tanhP2, tanhP3, tanhP4,
}

// The constants of activation.go in package kernel.
const (
	expLowest, expHighest    = -86, 88
	log2E, ln2High, ln2Low   = math.Log2E, 0.693359375, -2.12194440e-4
	expP0, expP1, expP2      = 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3
	expP3, expP4, expP5      = 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1
	tanhNear, tanhP0, tanhP1 = 0.625, -5.70498872745e-3, 2.06390887954e-2
	tanhP2, tanhP3, tanhP4   = -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1
)

func newLiterals() *literals {
	l := &literals{table: GLOBL("literals", RODATA|NOPTR), at: map[float32]int{}}
	for i, x := range literalNumbers {
		l.at[x] = i * avx2.bytes
		for lane := range avx2.lanes() {
			DATA(l.at[x]+4*lane, U32(math.Float32bits(x)))
		}
	}
	return l
}

// get is a number as an operand.
func (l *literals) get(x float32) Op {
	if l.v.bytes == 64 {
		return number(l.v, x)
	}
	return l.table.Offset(l.at[x])
}

// activation generates a kernel over n scalars. body prepares its operands and returns what turns
// a register's x into the result.
func (l *literals) activation(v isa, name string, body func() func(x reg.VecVirtual)) {
	l.v = v
	beginFunction(name+v.name, "func(n int, out, in *float32, alpha, beta float32)")
	out, in := load("out"), load("in")
	f := body()
	eachSixteen(parameter("n"), func(i reg.GPVirtual) {
		for j := range 16 / v.lanes() {
			x := v.new()
			VMOVUPS(part(v, in, i, j), x)
			f(x)
			VMOVUPS(x, part(v, out, i, j))
		}
	})
	VZEROUPPER()
	RET()
}

// clampTo limits x; NaN survives.
func (l *literals) clampTo(x, lo, hi reg.VecVirtual) {
	VMAXPS(x, lo, x)
	VMINPS(x, hi, x)
}

// register is a number in a register.
func (l *literals) register(x float32) reg.VecVirtual {
	if l.v.bytes == 64 {
		return number(l.v, x)
	}
	r := l.v.new()
	VMOVUPS(l.get(x), r)
	return r
}

// exponential makes eˣ of x, which lies within expLowest and expHighest.
func (l *literals) exponential() func(x reg.VecVirtual) {
	v := l.v
	scale, high, low, one := l.get(log2E), l.get(ln2High), l.get(ln2Low), l.get(1)
	var p [6]Op
	for i, c := range []float32{expP0, expP1, expP2, expP3, expP4, expP5} {
		p[i] = l.get(c)
	}
	return func(x reg.VecVirtual) {
		n, t, y := v.new(), v.new(), v.new()
		VMULPS(scale, x, t)
		VCVTPS2DQ(t, n)
		VCVTDQ2PS(n, t)
		VFNMADD231PS(high, t, x)
		VFNMADD231PS(low, t, x)
		VMOVUPS(p[0], y)
		for _, c := range p[1:] {
			VFMADD213PS(c, x, y)
		}
		VMULPS(x, y, y)
		VFMADD213PS(x, x, y)
		VADDPS(one, y, x)
		VPSLLD(Imm(23), n, n)
		VPADDD(n, x, x)
	}
}

// sigmoid divides a numerator by 1+e⁻ˣ: 1, or x itself for SiLU.
func (l *literals) sigmoid(v isa, silu bool) {
	name := "sigmoid"
	if silu {
		name = "silu"
	}
	l.activation(v, name, func() func(x reg.VecVirtual) {
		exp, zero, one := l.exponential(), v.new(), l.register(1)
		VXORPS(zero, zero, zero)
		lowest, highest := l.register(expLowest), l.register(expHighest)
		return func(x reg.VecVirtual) {
			e := v.new()
			VSUBPS(x, zero, e)
			l.clampTo(e, lowest, highest)
			exp(e)
			VADDPS(one, e, e)
			if silu {
				VDIVPS(e, x, x)
			} else {
				VDIVPS(e, one, x)
			}
		}
	})
}

func (l *literals) tanh(v isa) {
	l.activation(v, "tanh", func() func(x reg.VecVirtual) {
		exp, one, two := l.exponential(), l.register(1), l.register(2)
		lowest, highest := l.register(expLowest), l.register(expHighest)
		near, minusNear := l.register(tanhNear), v.new()
		VXORPS(minusNear, minusNear, minusNear)
		VSUBPS(near, minusNear, minusNear)
		var p [5]Op
		for i, c := range []float32{tanhP0, tanhP1, tanhP2, tanhP3, tanhP4} {
			p[i] = l.get(c)
		}
		return func(x reg.VecVirtual) {
			far, z, y := v.new(), v.new(), v.new()
			VADDPS(x, x, far)
			l.clampTo(far, lowest, highest)
			exp(far)
			VADDPS(one, far, far)
			VDIVPS(far, two, far)
			VSUBPS(far, one, far)
			VMULPS(x, x, z)
			VMULPS(p[0], z, y)
			for _, c := range p[1:] {
				VADDPS(c, y, y)
				VMULPS(z, y, y)
			}
			VMULPS(x, y, y)
			VADDPS(x, y, y)
			const less, greater = 1, 14
			if v.bytes == 64 {
				inside, below := K(), K()
				VCMPPS(Imm(less), near, x, below)
				VCMPPS(Imm(greater), minusNear, x, below, inside)
				VMOVAPS(far, x)
				VMOVAPS(y, inside, x)
				return
			}
			VCMPPS(Imm(less), near, x, z)
			VCMPPS(Imm(greater), minusNear, x, x)
			VANDPS(z, x, z)
			VBLENDVPS(z, y, far, x)
		}
	})
}

func (l *literals) hardSigmoid(v isa) {
	l.activation(v, "hardSigmoid", func() func(x reg.VecVirtual) {
		alpha, beta, zero, one := v.new(), v.new(), l.register(0), l.register(1)
		VBROADCASTSS(parameter("alpha"), alpha)
		VBROADCASTSS(parameter("beta"), beta)
		return func(x reg.VecVirtual) {
			VMULPS(alpha, x, x)
			VADDPS(beta, x, x)
			l.clampTo(x, zero, one)
		}
	})
}

func (l *literals) hardSwish(v isa) {
	l.activation(v, "hardSwish", func() func(x reg.VecVirtual) {
		zero, three, six, sixth := l.register(0), l.register(3), l.register(6), l.register(1./6)
		return func(x reg.VecVirtual) {
			y := v.new()
			VADDPS(three, x, y)
			l.clampTo(y, zero, six)
			VMULPS(sixth, y, y)
			VMULPS(y, x, x)
		}
	})
}

func (l *literals) leakyRelu(v isa) {
	l.activation(v, "leakyRelu", func() func(x reg.VecVirtual) {
		alpha, zero := v.new(), l.register(0)
		VBROADCASTSS(parameter("alpha"), alpha)
		return func(x reg.VecVirtual) {
			below := v.new()
			VMINPS(x, zero, below)
			VMULPS(alpha, below, below)
			VMAXPS(x, zero, x)
			VADDPS(below, x, x)
		}
	})
}
