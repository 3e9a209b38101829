package structure

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"galen/engine/compress/testnet"
	"galen/hw/graph"
)

// blocks describes a group's blocks as class counts.
func blocks(group Group) (counts []int) {
	for _, b := range group.Blocks {
		counts = append(counts, len(b.Classes))
	}
	return counts
}

func TestGroupsOfOptionA(t *testing.T) {
	s, err := Analyze(testnet.Residual(t, false))
	if err != nil {
		t.Fatal(err)
	}
	// Layers: stem, then two per stage, then the classifier.
	stream := s.Groups[0]
	if want := []int{0, 2, 4, 6}; !slices.Equal(stream.Layers, want) {
		t.Errorf("the residual stream has layers %v, want %v", stream.Layers, want)
	}
	if got, want := blocks(stream), []int{8, 8, 16}; !slices.Equal(got, want) {
		t.Errorf("its blocks are %v, want %v", got, want)
	}
	// The stem's eight channels are the middle of the second stage's sixteen.
	second := s.classes[s.Graph.Nodes[s.Layers[4].Node].Output]
	if stem := s.classes[s.Graph.Nodes[s.Layers[0].Node].Output]; !slices.Equal(second[4:12], stem) {
		t.Errorf("stage 2 has classes %v, the stem %v", second, stem)
	}
	p := s.Uniform(0.5, graph.FloatBits)
	kept := s.Kept(s.Select(p, s.Scores(GroupL2), 4))
	for l, want := range map[int]int{0: 8, 2: 8, 4: 16, 6: 28} {
		if got := len(kept[l]); got != want {
			t.Errorf("layer %d keeps %d channels, want %d", l, got, want)
		}
	}
}

func TestLayerInfo(t *testing.T) {
	all := testnet.Topologies(t)
	maps.Copy(all, testnet.Networks(t))
	for name, g := range all {
		s, err := Analyze(g)
		if err != nil {
			t.Fatal(err)
		}
		last := s.Layers[len(s.Layers)-1]
		if last.Prunable || last.MayMix || last.Why != outputReason {
			t.Errorf("%s: the classifier is %+v", name, last)
		}
		for l, info := range s.Layers[:len(s.Layers)-1] {
			if !info.Prunable || !info.MayMix || info.Why != "" {
				t.Errorf("%s: layer %d is %+v", name, l, info)
			}
			group := s.Groups[info.Group]
			if !slices.Contains(group.Layers, l) || info.Root != (group.Layers[0] == l) || info.Coupled != (len(group.Layers) > 1) {
				t.Errorf("%s: layer %d is %+v in %+v", name, l, info, group)
			}
		}
	}
}

func TestDepthwiseIsCoupledToItsInput(t *testing.T) {
	s, err := Analyze(testnet.Separable(t))
	if err != nil {
		t.Fatal(err)
	}
	// stem; expand, depthwise, project; expand, depthwise, project; classifier.
	var groups [][]int
	for _, g := range s.Groups {
		groups = append(groups, g.Layers)
	}
	want := [][]int{{0}, {1, 2}, {3, 6}, {4, 5}, {7}}
	if !slices.EqualFunc(groups, want, slices.Equal) {
		t.Errorf("groups are %v, want %v", groups, want)
	}
}

func TestGroupedConvolutionsLoseWholeGroups(t *testing.T) {
	b := testnet.NewBuilder(t, 5, 3, 8, 8)
	x := b.Conv(b.Relu(b.Conv(0, 8, 3, 1, 1)), 16, 3, 1, 4)
	s, err := Analyze(b.End(b.Relu(x)))
	if err != nil {
		t.Fatal(err)
	}
	group := s.Groups[0]
	if got := blocks(group); !slices.Equal(got, []int{4}) || group.Blocks[0].Channels != 2 {
		t.Fatalf("group is %+v", group)
	}
	p := s.Uniform(0, graph.FloatBits)
	p[0].Sparsity = 0.6 // 4 of 8 channels: two groups of the four
	removed := s.Select(p, s.Scores(GroupL2), 1)
	pruned, err := s.Prune(removed)
	if err != nil {
		t.Fatal(err)
	}
	conv := pruned.Nodes[s.Layers[1].Node].Op.(*graph.Conv)
	if conv.Groups != 2 || !slices.Equal(conv.Weight.Shape, []int{8, 2, 3, 3}) {
		t.Errorf("the grouped convolution has %d groups of %v", conv.Groups, conv.Weight.Shape)
	}
}

// Where there are fewer groups than channels in each, all groups lose the same channels.
func TestGroupedConvolutionsLoseChannelsOfEveryGroup(t *testing.T) {
	b := testnet.NewBuilder(t, 5, 3, 8, 8)
	x := b.Conv(b.Relu(b.Conv(0, 12, 3, 1, 1)), 8, 3, 1, 2)
	s, err := Analyze(b.End(b.Relu(x)))
	if err != nil {
		t.Fatal(err)
	}
	for l, want := range []int{6, 4} {
		group := s.Groups[s.Layers[l].Group]
		if got := blocks(group); !slices.Equal(got, []int{want}) || group.Blocks[0].Channels != 2 {
			t.Errorf("layer %d is in group %+v, want %d pairs of channels", l, group, want)
		}
	}
	p := s.Uniform(0, graph.FloatBits)
	p[0].Sparsity, p[1].Sparsity = 0.5, 0.7 // 7 of 12 channels, which is four pairs; 3 of 8, which is two
	removed := s.Select(p, s.Scores(GroupL2), 1)
	pruned, err := s.Prune(removed)
	if err != nil {
		t.Fatal(err)
	}
	conv := pruned.Nodes[s.Layers[1].Node].Op.(*graph.Conv)
	if conv.Groups != 2 || !slices.Equal(conv.Weight.Shape, []int{4, 4, 3, 3}) {
		t.Errorf("the grouped convolution has %d groups of %v", conv.Groups, conv.Weight.Shape)
	}
	// Three channels in each of two groups meet, through a shuffle, three in each of two others: all are tied.
	b = testnet.NewBuilder(t, 6, 3, 8, 8)
	s, err = Analyze(b.End(b.Shuffled(b.Relu(b.Conv(0, 12, 3, 1, 1)), 6, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if info := s.Layers[1]; info.Prunable || info.Why != aloneReason {
		t.Errorf("%+v", info)
	}
}

func TestFrozenChannels(t *testing.T) {
	input := testnet.NewBuilder(t, 6, 8, 4, 4)
	sum := input.Add(graph.Add{}, 0, input.Conv(0, 8, 3, 1, 1))
	input.End(sum)

	softmax := testnet.NewBuilder(t, 7, 3, 4, 4)
	x := softmax.Gemm(softmax.Add(graph.Flatten{}, 0), 6)
	softmax.Gemm(softmax.Add(graph.Softmax{}, x), 4)

	strided := testnet.NewBuilder(t, 8, 3, 4, 4)
	y := strided.Conv(0, 8, 3, 1, 1)
	y = strided.Add(&graph.Slice{Start: []int{0, 0, 0}, End: []int{8, 4, 4}, Step: []int{2, 1, 2}}, y)
	strided.End(y)

	for _, c := range []struct {
		g   *graph.Graph
		why string
	}{{input.Graph, "the network's input"}, {softmax.Graph, "Softmax"}, {strided.Graph, "stride"}} {
		s, err := Analyze(c.g)
		if err != nil {
			t.Fatal(err)
		}
		if info := s.Layers[0]; info.Prunable || !strings.Contains(info.Why, c.why) || !info.MayMix {
			t.Errorf("%q expected: %+v", c.why, info)
		}
		p := s.Uniform(0, graph.FloatBits)
		p[0].Sparsity = 0.5
		if err := s.Validate(p); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q expected: %v", c.why, err)
		}
	}
}
