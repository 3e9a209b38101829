package demo

import (
	"math"
	"slices"
	"testing"

	"galen/engine/dataset"
	"galen/hw/graph"
)

// testAccuracy is what the built-in network reaches on the demo's test images.
const testAccuracy = 0.948

func TestModelIsAsAccurateAsItWas(t *testing.T) {
	g, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Accuracy(g, Data().Test)
	if err != nil {
		t.Fatal(err)
	}
	// Instruction sets round differently, which may decide a close image or two.
	if math.Abs(got-testAccuracy) > 0.003 {
		t.Errorf("%.2f %% of the test images are right, were %.2f %%", 100*got, 100*testAccuracy)
	}
}

func TestModelIsWhatItsDescriptionSays(t *testing.T) {
	g, err := Model()
	if err != nil {
		t.Fatal(err)
	}
	macs, _, parameters := g.Totals()
	if n := len(g.Layers()); n != 10 || macs/100_000 != 125 || parameters/1000 != 77 {
		t.Errorf("%d layers, %d MACs, %d parameters", n, macs, parameters)
	}
	if len(ModelFile()) > 1<<20 {
		t.Errorf("the file has %d bytes", len(ModelFile()))
	}
	for _, n := range g.Nodes {
		if _, ok := n.Op.(*graph.BatchNorm); ok {
			t.Errorf("%s is not folded", n.Name)
		}
	}
	if set := Data().Train; !slices.Equal(g.Values[g.Input].Shape, set.Shape) {
		t.Errorf("the network takes %v, images are %v", g.Values[g.Input].Shape, set.Shape)
	}
}

func TestAccuracyCounts(t *testing.T) {
	g := graph.NewGraph("channels", "image", graph.Shape{3, 1, 1})
	if _, err := g.Append("flatten", graph.Flatten{}, "scores", g.Input); err != nil {
		t.Fatal(err)
	}
	set := &dataset.Set{Classes: []string{"red", "green", "blue"}, Shape: graph.Shape{3, 1, 1},
		Mean: []float32{0, 0, 0}, Std: []float32{1, 1, 1}}
	const n = 600 // more than one batch
	for i := range n {
		image := []uint8{10, 10, 10}
		image[i%3] = 200
		set.Images = append(set.Images, image...)
		label := i % 3
		if i >= 450 {
			label = (i + 1) % 3
		}
		set.Labels = append(set.Labels, label)
	}
	if got, err := Accuracy(g, set); err != nil || got != 0.75 {
		t.Errorf("accuracy %v, %v; want 0.75", got, err)
	}
	set.Classes = set.Classes[:2]
	if _, err := Accuracy(g, set); err == nil {
		t.Error("a network of three classes was scored on images of two")
	}
}
