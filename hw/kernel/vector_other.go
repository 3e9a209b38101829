//go:build !amd64 && !arm64

package kernel

func detected() []ISA { return nil }

func vectorOf(ISA) *vector { return nil }
