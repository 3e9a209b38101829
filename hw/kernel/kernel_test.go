package kernel

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// TestForced lets whoever runs the tests say what must be there: tests over what is
// supported would not miss a level that detection overlooked.
func TestForced(t *testing.T) {
	forced := os.Getenv(EnvISA)
	if forced == "" {
		t.Skipf("%s is not set", EnvISA)
	}
	if isa, err := Default(); err != nil || isa != ISA(forced) {
		t.Errorf("Default() = %s, %v; want %s", isa, err, forced)
	}
}

func TestDefault(t *testing.T) {
	t.Setenv(EnvISA, "")
	supported := Supported()
	if supported[0] != Portable {
		t.Errorf("Supported() = %v, wants %s first", supported, Portable)
	}
	if isa, err := Default(); err != nil || isa != supported[len(supported)-1] {
		t.Errorf("Default() = %s, %v; want %s", isa, err, supported[len(supported)-1])
	}
	for _, forced := range supported {
		t.Setenv(EnvISA, string(forced))
		if isa, err := Default(); err != nil || isa != forced {
			t.Errorf("Default() = %s, %v; %s was asked for", isa, err, forced)
		}
	}
	t.Setenv(EnvISA, "altivec")
	if _, err := Default(); err == nil || !strings.Contains(err.Error(), string(Portable)) {
		t.Errorf("Default() of an unknown ISA: %v, wants an error that lists what there is", err)
	}
}

func isAligned[T any](s []T) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s)))%alignment == 0
}

// TestConcurrentRuns shares one plan among goroutines, as batch-parallel workers do.
func TestConcurrentRuns(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1))
	l := square(24, 40, 9, 3, 1)
	in, weight := integers[uint8](random, l.inputs()), integers[int8](random, l.weights())
	residual := integers[uint8](random, l.outputs())
	r := &Requantize{Scale: Floats(ChannelStride(l.OutC)), Hi: 255, Zero: 100,
		Residual: &QuantAdd{Scale: 0.1, Input: residual, InputScale: 0.1, OutScale: 0.2, OutHi: 255}}
	for i := range r.Scale {
		r.Scale[i] = 1e-3
	}
	for _, isa := range Supported() {
		c := newIntConv(isa, l.Shape, weight, nil, 7)
		want := Bytes(l.outputs())
		c.RunUint8(want, in, r)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for range 50 {
					got := Bytes(l.outputs())
					c.RunUint8(got, in, r)
					if !slices.Equal(got, want) {
						t.Errorf("%s: concurrent runs disagree", isa)
						return
					}
				}
			})
		}
		wait.Wait()
	}
}

// TestConcurrentScales shares one plan among goroutines that requantize to different scales.
func TestConcurrentScales(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 2))
	l := square(4, 4, 16, 3, 1)
	in, weight := integers[uint8](random, l.inputs()), integers[int8](random, l.weights())
	residual := integers[uint8](random, l.outputs())
	for _, isa := range Supported() {
		c := newIntConv(isa, l.Shape, weight, nil, 7)
		var wait sync.WaitGroup
		for i := range 4 {
			r := &Requantize{Scale: Floats(lanes), Hi: 255, Zero: 100,
				Residual: &QuantAdd{Scale: 0.1, Input: residual, InputScale: 0.1, OutScale: 0.1 + 0.1*float32(i), OutHi: 255}}
			for j := range r.Scale {
				r.Scale[j] = 1e-3
			}
			want := Bytes(l.outputs())
			c.RunUint8(want, in, r)
			wait.Go(func() {
				for range 2000 {
					got := Bytes(l.outputs())
					c.RunUint8(got, in, r)
					for p := lanes; p < len(got); p += lanes {
						if !slices.Equal(got[p:p+4], want[p:p+4]) {
							t.Errorf("%s: concurrent runs to different scales disagree", isa)
							return
						}
					}
				}
			})
		}
		wait.Wait()
	}
}
