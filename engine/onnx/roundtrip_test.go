package onnx

import (
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"galen/hw"
	"galen/hw/graph"
)

// otherwise lists the operators that come back from a file as others, which compute the same, and why.
var otherwise = map[string]string{
	"Slice":                         "it ends right behind the last place that is taken",
	"Slice of every second channel": "it ends right behind the last place that is taken",
}

// Every operator comes back from a file as it was.
func TestOperatorsRoundTrip(t *testing.T) {
	examples := graph.Examples()
	for name := range otherwise {
		if !slices.ContainsFunc(examples, func(e graph.Example) bool { return e.Name == name }) {
			t.Errorf("%s is no operator", name)
		}
	}
	for _, e := range examples {
		t.Run(e.Name, func(t *testing.T) {
			g, err := e.Graph()
			if err != nil {
				t.Fatal(err)
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if op := back.Nodes[len(back.Nodes)-1].Op; reflect.DeepEqual(op, e.Op) == (otherwise[e.Name] != "") {
				t.Errorf("becomes %+v, was %+v; it is listed to differ as %q", op, e.Op, otherwise[e.Name])
			}
			image := e.Numbers(g.Values[g.Input].Shape.Elements(), 1)
			if got, want := run(t, back, image), run(t, g, image); !slices.Equal(got, want) {
				t.Errorf("computes %v after the round trip, %v before", got, want)
			}
		})
	}
}

// ONNX Runtime computes what Galen does.
func TestOperatorsInONNXRuntime(t *testing.T) {
	library := os.Getenv("GALEN_ORT")
	if library == "" {
		t.Skip("GALEN_ORT does not name ONNX Runtime's shared library")
	}
	for _, e := range graph.Examples() {
		t.Run(e.Name, func(t *testing.T) {
			g, err := e.Graph()
			if err != nil {
				t.Fatal(err)
			}
			data, err := Encode(g)
			if err != nil {
				t.Fatal(err)
			}
			input, output := g.Values[g.Input].Shape, g.Values[g.Output].Shape
			other, err := hw.OpenInference(library, data, input, output, hw.OptimizeNothing)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			image, got := e.Numbers(input.Elements(), 1), make([]float32, output.Elements())
			if err := other.Run(got, image, 1); err != nil {
				t.Fatal(err)
			}
			for i, want := range run(t, g, image) {
				if d := math.Abs(float64(got[i] - want)); !(d <= 1e-5*math.Max(1, math.Abs(float64(want)))) {
					t.Errorf("output %d is %g there, %g here", i, got[i], want)
				}
			}
		})
	}
}
