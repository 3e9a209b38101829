package structure

import (
	"slices"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// placedNet is stem → (a → b, skip) → add → classifier, with the policy's bits.
func placedNet(t *testing.T, activationBits [4]int) (*Placement, map[string]graph.ValueID) {
	b := testnet.NewBuilder(t, 20, 3, 8, 8)
	values := map[string]graph.ValueID{}
	values["stem"] = b.Relu(b.Conv(0, 8, 3, 1, 1))
	values["a"] = b.Relu(b.Conv(values["stem"], 8, 3, 1, 1))
	values["b"] = b.Conv(values["a"], 8, 3, 1, 1)
	values["sum"] = b.Add(graph.Add{}, values["b"], values["stem"])
	values["relu"] = b.Relu(values["sum"])
	values["pool"] = b.Add(graph.MaxPool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}, values["relu"])
	values["flat"] = b.Add(graph.Flatten{}, values["pool"])
	b.Gemm(values["flat"], 10)
	p := Uniform(b.Graph, 0, graph.FloatBits)
	for l, bits := range activationBits {
		if bits != graph.FloatBits {
			p[l].WeightBits, p[l].ActivationBits = 8, bits
		}
	}
	return Place(b.Graph, p), values
}

// reads is the bits at which each layer reads its input; 0: float.
func (p *Placement) reads() (bits []int) {
	for _, node := range p.Graph.Layers() {
		bits = append(bits, p.Bits[p.Graph.Nodes[node].Inputs[0]])
	}
	return bits
}

func TestPlacement(t *testing.T) {
	const float = graph.FloatBits
	for _, c := range []struct {
		name       string
		activation [4]int
		stored     map[string]int
		quantizers int
	}{
		{"float", [4]int{float, float, float, float}, map[string]int{"stem": 0, "a": 0, "b": 0, "relu": 0, "flat": 0}, 0},
		{"int8", [4]int{8, 8, 8, 8}, map[string]int{"stem": 8, "a": 8, "b": 8, "sum": 0, "relu": 8, "pool": 8, "flat": 8}, 1},
		// The sum needs the stem at eight bits; layer a reads it through a Quantize node.
		{"narrow reader", [4]int{8, 4, 3, 6}, map[string]int{"stem": 8, "a": 3, "b": 8, "relu": 6, "pool": 6, "flat": 6}, 2},
		// Layer a is float, so the stem's value is; the sum reads it through a Quantize node.
		{"float reader", [4]int{8, float, 8, 8}, map[string]int{"stem": 0, "a": 8, "b": 8, "relu": 8}, 2},
		// The sum is read as float: so are its parts, and a reads the stem's through a Quantize node.
		{"float end", [4]int{8, 8, 8, float}, map[string]int{"stem": 0, "a": 8, "b": 0, "relu": 0, "flat": 0}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, values := placedNet(t, c.activation)
			for name, want := range c.stored {
				if got := p.Bits[values[name]]; got != want {
					t.Errorf("%s is stored at %d bits, wants %d", name, got, want)
				}
			}
			want := slices.Clone(c.activation[:])
			for i := range want {
				want[i] %= float
			}
			if got := p.reads(); !slices.Equal(got, want) {
				t.Errorf("layers read %v bits, want %v", got, want)
			}
			quantizers := 0
			for _, n := range p.Graph.Nodes {
				if _, ok := n.Op.(graph.Quantize); ok {
					quantizers++
				}
			}
			if quantizers != c.quantizers {
				t.Errorf("%d Quantize nodes, want %d", quantizers, c.quantizers)
			}
			if p.Bits[p.Graph.Input] != 0 || p.Bits[p.Graph.Output] != 0 {
				t.Error("the network's input or output is not float")
			}
		})
	}
}

// Whatever the policy, every layer reads its own bits, and additions inside
// integer regions read eight.
func TestPlacementServesEveryReader(t *testing.T) {
	for seed := range uint64(200) {
		g := testnet.Random(t, seed)
		p := Uniform(g, 0, graph.FloatBits)
		b := testnet.NewBuilder(t, seed, 1)
		for l := range p {
			if bits := b.Rand.IntN(10); bits > 0 && bits < 9 {
				p[l].WeightBits, p[l].ActivationBits = 8, bits
			}
		}
		placed := Place(g, p)
		if err := placed.Graph.InferShapes(); err != nil {
			t.Fatal(err)
		}
		for l, bits := range placed.reads() {
			if bits != p[l].ActivationBits%graph.FloatBits {
				t.Fatalf("seed %d: layer %d reads %d bits, the policy says %d", seed, l, bits, p[l].ActivationBits)
			}
		}
		s := &storage{graph: placed.Graph, consumers: placed.Graph.Consumers()}
		for _, n := range placed.Graph.Nodes {
			if n.Weight() != nil || n.Op == (graph.Quantize{}) {
				continue
			}
			bits := placed.Bits[s.result(n.Output)]
			for _, id := range n.Inputs {
				want := min(bits, 1) * 8
				if handsThrough(n.Op) {
					want = bits
				}
				if !s.fused(id) && placed.Bits[id] != want {
					t.Fatalf("seed %d: %s reads %d bits and gives %d", seed, n.Name, placed.Bits[id], bits)
				}
			}
		}
	}
}

// floats lists the values of a placement that are float, but for the network's input and output and what
// the runtime fuses away.
func (p *Placement) floats() (names []string) {
	g := p.Graph
	s := &storage{graph: g, consumers: g.Consumers()}
	for i, v := range g.Values {
		if id := graph.ValueID(i); p.Bits[i] == 0 && id != g.Input && id != g.Output && !s.fused(id) {
			names = append(names, v.Name)
		}
	}
	return names
}

func TestUniformInt8HasNoFloatIslands(t *testing.T) {
	for name, g := range testnet.Networks(t) {
		placed := Place(g, Uniform(g, 0, 8))
		if islands := placed.floats(); len(islands) > 0 {
			t.Errorf("%s: float values %v", name, islands)
		}
		quantizers := 0
		for _, n := range placed.Graph.Nodes {
			if _, ok := n.Op.(graph.Quantize); ok {
				quantizers++
			}
		}
		if quantizers != 1 {
			t.Errorf("%s: %d Quantize nodes, wants the input's alone", name, quantizers)
		}
	}
}
