package refit

import (
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/runtime"
)

func TestEqualizedNetworksComputeTheSame(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		want := testnet.Outputs(t, g, testnet.Images(g, 20), 20)
		tracer := runtime.NewTracer("", 0)
		calibration := tracer.Input(g, testnet.Images(g, 48), 48)
		for _, by := range []Equalization{EqualizeWeights, EqualizeActivations} {
			equal, err := equalized(g, calibration, by, tracer)
			if err != nil {
				t.Fatal(err)
			}
			if d := testnet.RelativeError(testnet.Outputs(t, equal, testnet.Images(g, 20), 20), want); d > 1e-5 {
				t.Errorf("%s, %s: outputs are off by %g", name, by, d)
			}
		}
	}
}
