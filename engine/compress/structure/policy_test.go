package structure

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

func TestPolicyJSON(t *testing.T) {
	p := Policy{
		{Layer: "conv1", Sparsity: 0.25, WeightBits: 8, ActivationBits: 4},
		{Layer: "fc", WeightBits: graph.FloatBits, ActivationBits: graph.FloatBits, Kept: []int{0, 2}},
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":4},{"layer":"fc","sparsity":0,"weight_bits":32,"activation_bits":32,"kept":[0,2]}]`
	if string(data) != want {
		t.Errorf("policy is %s, want %s", data, want)
	}
	back, err := ParsePolicy(data)
	if err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("read back as %v, %v", back, err)
	}
	for _, bad := range []string{"", "{}", `[{"layer":"a","bits":8}]`, `[] []`, `[{"sparsity":"much"}]`} {
		if _, err := ParsePolicy([]byte(bad)); err == nil || !strings.Contains(err.Error(), "policy") {
			t.Errorf("%q was read: %v", bad, err)
		}
	}
}

func TestValidate(t *testing.T) {
	s, err := Analyze(testnet.Residual(t, false))
	if err != nil {
		t.Fatal(err)
	}
	good := s.Uniform(0.3, 6)
	if err := s.Validate(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(p Policy)
		says   string
	}{
		{func(p Policy) { p[1].Layer = "other" }, `layer 2 of the policy is "other"`},
		{func(p Policy) { p[0].Sparsity = 1 }, "not in [0, 1)"},
		{func(p Policy) { p[0].Sparsity = -0.1 }, "not in [0, 1)"},
		{func(p Policy) { p[2].Sparsity = 0.5 }, `together with "Conv_0"`},
		{func(p Policy) { p[len(p)-1].Sparsity = 0.5 }, outputReason},
		{func(p Policy) { p[3].WeightBits = 0 }, "0 weight bits"},
		{func(p Policy) { p[3].ActivationBits = 16 }, "16 activation bits"},
		{func(p Policy) { p[3].ActivationBits = graph.FloatBits }, "either both"},
	} {
		p := append(Policy(nil), good...)
		c.change(p)
		if err := s.Validate(p); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q expected: %v", c.says, err)
		}
	}
	if err := s.Validate(good[1:]); err == nil {
		t.Error("a policy with a layer missing was taken")
	}
	if last := good[len(good)-1]; last.Sparsity != 0 || last.WeightBits != 8 || last.ActivationBits != 8 {
		t.Errorf("the uniform policy gives the classifier %+v", last)
	}
}

// Lists of kept channels do what they say, and lists that contradict each other or the network are refused.
func TestListedChannels(t *testing.T) {
	g := testnet.Residual(t, true)
	s, err := Analyze(g)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Uniform(0, 8)
	p[1].Kept, p[1].Sparsity = []int{1, 3, 6}, 0.9
	p[2].Kept = []int{0, 1, 2, 5, 7} // with the stem, which says nothing
	if err := s.Validate(p); err != nil {
		t.Fatal(err)
	}
	removed := s.Select(p, s.Scores(GroupL2), 4)
	kept := s.Kept(removed)
	for l, want := range map[int][]int{0: p[2].Kept, 1: p[1].Kept, 2: p[2].Kept, 3: upTo(16)} {
		if !slices.Equal(kept[l], want) {
			t.Errorf("layer %d keeps %v, want %v", l, kept[l], want)
		}
	}
	pruned, err := s.Prune(removed)
	if err != nil {
		t.Fatal(err)
	}
	for l, size := range s.Sizes(p, 4) {
		if want := pruned.MACs(s.Layers[l].Node); size.MACs != want {
			t.Errorf("%s is predicted %d MACs and has %d", s.Layers[l].Layer, size.MACs, want)
		}
	}
	last := len(p) - 1
	for _, c := range []struct {
		layer int
		kept  []int
		says  string
	}{
		{0, []int{0, 1, 2, 3}, "tied to one that is not"},
		{1, []int{}, "at least one must stay"},
		{1, []int{1, 8}, "not one of the channels 0 to 7"},
		{1, []int{-1}, "not one of the channels"},
		{1, []int{3, 3}, "ascending"},
		{last, []int{0, 1}, outputReason},
	} {
		bad := slices.Clone(p)
		bad[c.layer].Kept = c.kept
		if err := s.Validate(bad); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("layer %d keeps %v: %v, want something about %q", c.layer, c.kept, err, c.says)
		}
	}
	// What a layer reads may not leave altogether.
	sliced := testnet.NewBuilder(t, 3, 3, 8, 8)
	x := sliced.Conv(0, 4, 1, 1, 1)
	half := sliced.Add(&graph.Slice{Start: []int{0, 0, 0}, End: []int{2, 8, 8}, Step: []int{1, 1, 1}}, x)
	if s, err = Analyze(sliced.End(sliced.Conv(half, 4, 1, 1, 1))); err != nil {
		t.Fatal(err)
	}
	p = s.Uniform(0, 8)
	p[0].Kept = []int{2, 3}
	if err := s.Validate(p); err == nil || !strings.Contains(err.Error(), "leaves no channel of what Slice") {
		t.Errorf("all that a layer reads was removed: %v", err)
	}
}

func TestPolicyFileRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`{}`:                         `"galen" is ""`,
		`{"galen":"policy 9"}`:       `policy 9`,
		`{"galen":"policy 2","x":1}`: "x",
		`{"galen":"policy 2"} {}`:    "follows",
		`{"galen":"policy 2","layers":[{"name":"a","channels":2,"kept":[2]}]}`:                      "0 to 1",
		`{"galen":"policy 2","layers":[{"name":"a","channels":2,"kept":[1],"weight_scale":[1,1]}]}`: "2 weight scales for 1",
		`{"galen":"policy 2","layers":[{"name":"a","channels":1,"kept":[0],"weight_scale":[0]}]}`:   "not positive",
		`{"galen":"policy 2","layers":[{"name":"a","activation":{"scale":-1,"zero_point":3}}]}`:     "not positive",
		`{"galen":"policy 2","layers":[{"name":"a","activation":{"scale":1,"zero_point":256}}]}`:    "zero_point",
		`{"galen":"policy 2","layers":[{"name":"a","inputs":[3,1]}]}`:                               "ascending",
	} {
		if _, err := ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "policy") {
			t.Errorf("%s: %v, want something about %q", text, err, says)
		}
	}
}

// Whatever passes for a policy prunes the network without breaking it.
func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(`[{"layer":"conv1","sparsity":0.25,"weight_bits":8,"activation_bits":4}]`))
	f.Add([]byte(`[{"layer":"conv1","sparsity":1e999}]`))
	f.Add([]byte(`[null]`))
	f.Add([]byte(`{"galen":"policy 2","layers":[null,{"kept":[0]}]}`))
	s, err := Analyze(testnet.Residual(f, true))
	if err != nil {
		f.Fatal(err)
	}
	p := s.Uniform(0.3, 8)
	short, err := json.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(short)
	full := File{Format: FileFormat}
	for l, info := range s.Layers {
		full.Layers = append(full.Layers, FileLayer{Name: info.Layer, Channels: info.Channels, Kept: upTo(info.Channels), WeightBits: 8, ActivationBits: 8})
		full.Layers[l].Kept = full.Layers[l].Kept[:max(1, info.Channels-2*(l%2))]
	}
	data, err := full.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	scores := s.Scores(GroupL2)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy(data)
		if err != nil || s.Validate(p) != nil {
			return
		}
		pruned, err := s.Prune(s.Select(p, scores, 4))
		if err != nil {
			t.Fatalf("%s passes for a policy: %v", data, err)
		}
		if err := pruned.Validate(); err != nil {
			t.Fatalf("%s passes for a policy: %v", data, err)
		}
	})
}
