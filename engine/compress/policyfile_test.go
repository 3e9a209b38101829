package compress

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"galen/engine/compress/structure"
	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// A policy file tells what became of every layer, and read back it gives the same network.
func TestPolicyFile(t *testing.T) {
	all := testnet.Topologies(t)
	maps.Copy(all, testnet.Networks(t))
	for name, g := range all {
		c := newCompressor(t, g, Options{RoundTo: 2})
		p := c.structure.Uniform(0.4, 5)
		p[1].WeightBits, p[1].ActivationBits = graph.FloatBits, graph.FloatBits
		first := compressed(t, c, p)
		f := structure.NewFile(c.structure, p, first.Graph, first.Kept)
		f.Model, f.Accuracy = name, 0.5
		data, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := structure.ParseFile(data)
		if err != nil || !reflect.DeepEqual(back, f) {
			t.Fatalf("%s: read back as %+v, %v, want %+v", name, back, err, f)
		}
		for l, node := range first.Graph.Layers() {
			layer, n := f.Layers[l], &first.Graph.Nodes[node]
			w := n.Weight()
			original := g.Nodes[c.structure.Layers[l].Node]
			columns := original.Weight().Shape[1]
			seen := map[int]bool{}
			for _, i := range layer.Inputs {
				seen[i%columns] = true
			}
			groups := 0
			if conv, ok := original.Op.(*graph.Conv); ok && conv.Groups > 1 {
				groups = n.Op.(*graph.Conv).Groups
			}
			if len(layer.Kept) != w.Shape[0] || len(seen) != w.Shape[1] || layer.Groups != groups {
				t.Errorf("%s: %s is %v with groups %d; the file keeps %v of %v in %d groups", name, layer.Name, w.Shape, groups, layer.Kept, layer.Inputs, layer.Groups)
			}
			if q := first.Graph.Values[n.Inputs[0]].Quant; w.Quantized() != (layer.Activation != nil) ||
				w.Quantized() && (*layer.Activation != structure.Affine{Scale: q.Scale, Zero: q.Zero} || !slices.Equal(layer.WeightScale, w.Scale)) {
				t.Errorf("%s: the scales of %s are not the network's", name, layer.Name)
			}
		}
		again, err := structure.ParsePolicy(data)
		if err != nil {
			t.Fatal(err)
		}
		if second := compressed(t, c, again); !reflect.DeepEqual(second, first) {
			t.Errorf("%s: the policy read back gives another network", name)
		}
	}
}
