package runtime

import (
	"testing"

	"galen/hw/kernel"
)

// instructionSets are those that whole graphs are run on. With -short, for emulated processors, it
// is the default one alone: what is portable was tested where it takes no minutes.
func instructionSets(t *testing.T) []kernel.ISA {
	if !testing.Short() {
		return kernel.Supported()
	}
	isa, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	return []kernel.ISA{isa}
}

// several is how many of n random cases to try.
func several(n uint64) uint64 {
	if testing.Short() {
		return n / 3
	}
	return n
}
