package onnx

import (
	"math"
	"path/filepath"
	"testing"
)

// TestExporters runs narrow networks with random weights, as other programs exported them, and compares with what those
// computed: torchvision's ShuffleNetV2 and MobileNetV3 by PyTorch's TorchScript exporter at opset 17, DenseNet by the
// newer one, and those of testdata/generate.py. Scalar i of the input, channels first, is (7919·i mod 1000)/500 − 1.
func TestExporters(t *testing.T) {
	for name, want := range map[string][]float64{
		"shufflenetv2":       {-0.3117239, 0.02029112, 0.4548273, -0.07514627, 0.1028526, -0.1525752, 0.1091377, -0.007070273, -0.2465364, -0.1426768},
		"densenet":           {-0.05059347, -0.1095114, -0.2141974, -0.1085734, 0.2261321, -0.1172289, -0.2323762, 0.2833597, 0.04417725, -0.351561},
		"mobilenetv3":        {-5.111069e-05, 0.000183285, -0.0005223019, 9.52839e-05, 0.0001795569, -3.009636e-05, -0.000282922, -6.153621e-05, -0.0003270433, -4.276351e-05},
		"keras_sequential":   {0.2282116, 0.1751258, 0.3099336, 0.198879, 0.08785002},
		"tf2onnx_sequential": {0.2282116, 0.1751258, 0.3099336, 0.198879, 0.08785002},
		"keras_mobile":       {0.1466075, 0.5907847, -0.2091075, 0.05862231, -0.07542811},
		"tf2onnx_mobile":     {0.1466075, 0.5907847, -0.2091075, 0.05862231, -0.07542811},
		"torchscript_regnet": {-0.001461599, -0.009026691, -0.01405305, -0.00144043, 0.01768655},
		"dynamo_regnet":      {-0.001461599, -0.009026691, -0.01405305, -0.00144043, 0.01768655},
		"torchscript_vgg":    {-1.627968, -1.706136, -1.454573, -1.569153, -1.712667},
		"dynamo_vgg":         {-1.627968, -1.706136, -1.454573, -1.569153, -1.712667},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := Load(filepath.Join("testdata", name+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			image := make([]float32, g.Values[g.Input].Shape.Elements())
			for i := range image {
				image[i] = float32(i*7919%1000)/500 - 1
			}
			largest := 0.0
			for _, w := range want {
				largest = max(largest, math.Abs(w))
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			again := run(t, back, image)
			for i, got := range run(t, g, image) {
				if !(math.Abs(float64(got)-want[i]) <= 1e-5*largest) {
					t.Errorf("output %d is %g, its framework's %g", i, got, want[i])
				}
				if got != again[i] {
					t.Errorf("output %d is %g, and %g after export and import", i, got, again[i])
				}
			}
		})
	}
}
