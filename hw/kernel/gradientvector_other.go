//go:build !amd64 && !arm64

package kernel

// gradientsOf is empty: training's own kernels are portable here.
func gradientsOf(ISA) *gradientVector { return &noGradients }
