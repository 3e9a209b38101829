package hw

import (
	"fmt"
	"strings"

	"galen/hw/graph"
	"galen/hw/runtime"
)

// Open opens the device a person named and prepares it to compare candidates
// with the reference model: "local" is this machine, "roofline:" an analytic one.
func Open(name string, reference *graph.Graph) (Device, error) {
	if err := Check(name); err != nil {
		return nil, err
	}
	if name == "roofline:" {
		return newRoofline(reference), nil
	}
	return newLocal(reference)
}

// Check tells whether a device name is one that Open understands.
func Check(name string) error {
	switch {
	case name == "local", name == "roofline:":
		return nil
	case strings.HasPrefix(name, "roofline:"):
		return fmt.Errorf("device %q: nothing may follow roofline: as it takes no parameters", name)
	}
	return fmt.Errorf("device %q is unknown; use local (this machine) or roofline: (an analytic model, no measuring)", name)
}

// layerTimes pairs the layers of a plan with their times in milliseconds.
func layerTimes(layers []runtime.LayerPlan, ms []float64) []LayerTime {
	times := make([]LayerTime, len(layers))
	for i, l := range layers {
		times[i] = LayerTime{Layer: l.Name, Kernel: l.Kernel, MS: ms[i]}
	}
	return times
}
