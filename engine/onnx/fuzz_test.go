package onnx

import (
	"maps"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"syscall"
	"testing"
	"time"

	"galen/hw/graph"
)

// What import may cost for a file of n bytes: allocBase + allocPerByte·n bytes allocated in all, garbage included, and
// timeBase + n·timePerByte of processor time. The bases are what [maxFolded] numbers cost to make.
const (
	allocBase    = 1 << 30
	allocPerByte = 256
	timeBase     = 5 * time.Second
	timePerByte  = 20 * time.Microsecond
)

// FuzzDecode feeds damaged models to the importer: it must refuse or import them within the bounds above, and what it
// imports must be valid and survive an export.
func FuzzDecode(f *testing.F) {
	for _, m := range fuzzSeeds(f) {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkImport(t, len(data), func() (*graph.Graph, error) { return Decode(data) })
	})
}

// FuzzEdited edits sound models field by field, which reaches what lies behind the reader of messages: hardly any
// damaged byte does.
func FuzzEdited(f *testing.F) {
	seeds := fuzzSeeds(f)
	for i := range seeds {
		f.Add(uint16(i), []byte{})
		f.Add(uint16(i), []byte{byte(i), 3, 250, 7, 1, 128, 0, 64, 9})
	}
	f.Fuzz(func(t *testing.T, seed uint16, edits []byte) {
		data := seeds[int(seed)%len(seeds)]
		m, err := readModel(data)
		if err != nil {
			t.Fatal(err)
		}
		(&editor{m.graph, edits}).run()
		checkImport(t, len(data)+len(edits), func() (*graph.Graph, error) { return importModel(m) })
	})
}

// fuzzSeeds are sound models: examples, those of testdata and, where they are, ONNX's conformance cases.
func fuzzSeeds(f testing.TB) [][]byte {
	var seeds [][]byte
	for _, g := range append(exampleGraphs(f), breadthGraph(f, 0), breadthGraph(f, 8)) {
		data, err := Encode(g)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	for _, m := range exampleModels() {
		seeds = append(seeds, m.model.append(nil))
	}
	paths, _ := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	if folder := os.Getenv("GALEN_SHARED"); folder != "" {
		cases, _ := filepath.Glob(filepath.Join(folder, "onnx-tests", "pytorch-*", "*", "model.onnx"))
		paths = append(paths, cases...)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	return seeds
}

// checkImport imports a file of size bytes and checks the cost, and the graph if there is one.
func checkImport(t *testing.T, size int, decode func() (*graph.Graph, error)) {
	allocated, used := allocatedBytes(), processorTime(t)
	g, err := decode()
	if a, bound := allocatedBytes()-allocated, uint64(allocBase+allocPerByte*size); a > bound {
		t.Errorf("import of %d bytes allocated %d, more than %d", size, a, bound)
	}
	if u, bound := processorTime(t)-used, timeBase+time.Duration(size)*timePerByte; u > bound {
		t.Errorf("import of %d bytes took %v of processor time, more than %v", size, u, bound)
	}
	if err != nil {
		return
	}
	if err := g.Validate(); err != nil {
		t.Fatalf("imported an invalid graph: %v", err)
	}
	if weights(g) > 1<<20 { // the rest would take seconds
		return
	}
	encoded, err := Encode(g)
	if err != nil {
		t.Fatalf("cannot export what was imported: %v", err)
	}
	if _, err := Decode(encoded); err != nil {
		t.Fatalf("cannot import what was exported: %v", err)
	}
}

func weights(g *graph.Graph) int {
	n := 0
	for i := range g.Nodes {
		if w := g.Nodes[i].Weight(); w != nil {
			n += w.Elements()
		}
	}
	return n
}

func allocatedBytes() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// editor changes a graph as its bytes say: each edit takes an operation, what it is done to, and operands.
type editor struct {
	*graphProto
	bytes []byte
}

// next is a number below limit.
func (e *editor) next(limit int) int {
	if len(e.bytes) == 0 || limit == 0 {
		return 0
	}
	v := int(e.bytes[0])
	e.bytes = e.bytes[1:]
	if limit > 256 && len(e.bytes) > 0 {
		v = v<<8 | int(e.bytes[0])
		e.bytes = e.bytes[1:]
	}
	return v % limit
}

// number is small or one at which arithmetic goes wrong.
func (e *editor) number() int64 {
	edges := [...]int64{-1, 0, 1, 2, 1 << 15, 1 << 16, 1<<28 - 1, 1 << 28, 1<<31 - 1, 1 << 31, 1<<32 + 1, 1 << 62, -1 << 63, 1<<63 - 1}
	if v := e.next(64 + len(edges)); v >= 64 {
		return edges[v-64]
	} else {
		return int64(v) - 16
	}
}

// name is one that the graph has already, or that of an omitted input.
func (e *editor) name() string {
	n := e.next(len(e.nodes) + len(e.initializers) + 2)
	switch {
	case n == len(e.nodes)+len(e.initializers):
		return ""
	case n < len(e.nodes) && len(e.nodes[n].outputs) > 0:
		return e.nodes[n].outputs[0]
	case n >= len(e.nodes) && n < len(e.nodes)+len(e.initializers):
		return e.initializers[n-len(e.nodes)].name
	}
	return e.inputs[0].name
}

func (e *editor) run() {
	ops := append(slices.Sorted(maps.Keys(converters)), slices.Sorted(maps.Keys(folds))...)
	for range 32 {
		if len(e.bytes) == 0 || len(e.nodes) == 0 {
			return
		}
		n := &e.nodes[e.next(len(e.nodes))]
		switch operation := e.next(10); operation {
		case 0: // an integer of an attribute
			if len(n.attributes) > 0 {
				a := &n.attributes[e.next(len(n.attributes))]
				a.i = e.number()
				if len(a.ints) > 0 {
					a.ints[e.next(len(a.ints))] = a.i
				}
			}
		case 1:
			if len(n.attributes) > 0 {
				n.attributes = n.attributes[:len(n.attributes)-1]
			}
		case 2: // an attribute of another node
			if from := e.nodes[e.next(len(e.nodes))].attributes; len(from) > 0 {
				n.attributes = append(n.attributes, from[e.next(len(from))])
			}
		case 3:
			n.op = ops[e.next(len(ops))]
		case 4:
			if len(n.inputs) > 0 {
				n.inputs[e.next(len(n.inputs))] = e.name()
			}
		case 5:
			n.inputs = append(n.inputs, e.name())
		case 6:
			if len(e.initializers) > 0 {
				t := &e.initializers[e.next(len(e.initializers))]
				if len(t.dims) > 0 {
					t.dims[e.next(len(t.dims))] = e.number()
				}
			}
		case 7: // integers in place of an initializer
			if len(e.initializers) > 0 {
				t := &e.initializers[e.next(len(e.initializers))]
				list := make([]int64, e.next(7))
				for i := range list {
					list[i] = e.number()
				}
				*t = intTensor(t.name, list...)
			}
		case 8:
			if dims := e.inputs[0].dims; len(dims) > 0 {
				dims[e.next(len(dims))].size = e.number()
			}
		case 9: // a node between
			before := e.name()
			made := nodeProto{op: ops[e.next(len(ops))], inputs: []string{before}, outputs: []string{before + "'"}}
			if len(n.inputs) > 0 {
				n.inputs[0] = before + "'"
			}
			at := e.next(len(e.nodes))
			e.nodes = append(e.nodes[:at:at], append([]nodeProto{made}, e.nodes[at:]...)...)
		}
	}
}
