//go:build !amd64

package kernel

// gradientsOf is nil: training's own kernels are portable here.
func gradientsOf(ISA) *gradientVector { return nil }
