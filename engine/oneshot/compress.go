package oneshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"galen/engine/compress"
	"galen/engine/compress/structure"
	"galen/engine/dataset"
	"galen/engine/onnx"
	"galen/engine/wholefile"
	"galen/engine/workload"
	"galen/hw"
	"galen/hw/graph"
)

// Compression says what to compress, by which policy, and where to put the result.
type Compression struct {
	Model, Data string // as Evaluate takes them
	workload.DataOptions
	Policy    string // file with a policy, short or in full (see structure.ParsePolicy); or
	Uniform   string // one choice for all layers, as ParseUniform reads it
	RoundTo   int    // channels are kept in multiples of this
	Output    string // ONNX file to write
	PolicyOut string // file for the policy that was applied, in full; empty: none
	Device    string // where to time the result, as hw.Open takes it; empty: nowhere
}

// Compressed is what a Compression gave.
type Compressed struct {
	Model, Data       string
	Validation, Test  int // images; Test is 0 where the data has none
	Original, Result  Quality
	Layers            []CompressedLayer
	Latency           *hw.Measurement // nil: not measured
	Device            hw.Fingerprint  // where it was measured
	Output, PolicyOut string
}

// Quality is how good and how large a network is.
type Quality struct {
	Validation, Test       float64 // top-1, in [0,1]
	Bytes                  int     // of the ONNX file
	MACs, BOPs, Parameters int64
}

// CompressedLayer is what a policy did to one layer.
type CompressedLayer struct {
	Name                       string
	Kept, Channels             int
	WeightBits, ActivationBits int
	MACs, OriginalMACs         int64
	Why                        string // why it could not be pruned or mixed; empty: it could
}

// Compress compresses an ONNX model, "demo" for the built-in one, by one policy and
// writes the result. Calibration and validation images are those a search with default settings takes. Whatever
// can be wrong with settings and policy is found before the work begins.
func Compress(ctx context.Context, o Compression) (*Compressed, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	choose, err := o.policy()
	if err != nil {
		return nil, err
	}
	load, data, err := workload.Open(workload.Options{
		Model: o.Model, Data: o.Data, Seed: workload.UsualSeed, Images: workload.UsualImages, DataOptions: o.DataOptions,
	})
	if err != nil {
		return nil, err
	}
	channels, err := structure.Analyze(load.Graph)
	if err != nil {
		return nil, err
	}
	policy, err := choose(channels)
	if err != nil {
		return nil, err
	}
	compressor, err := compress.New(load.Graph, load.Calibration.Pixels, load.Calibration.Len(), compress.Options{
		RoundTo: o.RoundTo, Repair: compress.Sequential, // one policy can take its time
	})
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	compressed, err := compressor.Compress(ctx, policy)
	if err != nil {
		return nil, err
	}
	file, err := onnx.EncodeWith(compressed.Graph, load.Normalization()...)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	r := &Compressed{
		Model: load.Model.Name, Data: load.Data.Name, Validation: load.Validation.Len(),
		Layers: compressedLayers(channels, policy, compressed.Graph), Output: o.Output, PolicyOut: o.PolicyOut,
	}
	if r.Original, err = quality(ctx, load.Graph, load, data); err != nil {
		return nil, err
	}
	if r.Result, err = quality(ctx, compressed.Graph, load, data); err != nil {
		return nil, err
	}
	if data.Test != nil {
		r.Test = data.Test.Len()
	}
	if r.Original.Bytes, err = workload.ModelSize(o.Model); err != nil {
		return nil, err
	}
	r.Result.Bytes = len(file)
	if o.Device != "" {
		if err := r.time(ctx, o.Device, load.Graph, compressed.Graph); err != nil {
			return nil, err
		}
	}
	if err := wholefile.Write(o.Output, file); err != nil {
		return nil, err
	}
	if o.PolicyOut != "" {
		f := structure.NewFile(channels, policy, compressed.Graph, compressed.Kept)
		f.Model, f.SHA256, f.Accuracy = load.Model.Name, load.Model.SHA256, r.Result.Validation
		if r.Latency != nil {
			f.Ratio = r.Latency.Ratio
		}
		content, err := f.Encode()
		if err != nil {
			return nil, err
		}
		return r, wholefile.Write(o.PolicyOut, content)
	}
	return r, nil
}

// check reports what can be told wrong without reading model and data.
func (o Compression) check() error {
	switch {
	case o.Output == "":
		return errors.New("no output: name the ONNX file to write with --output")
	case o.Policy == "" && o.Uniform == "":
		return errors.New("nothing says how to compress: give a --policy file, or --uniform sparsity=0.3,bits=8")
	case o.Policy != "" && o.Uniform != "":
		return errors.New("--policy and --uniform say both how to compress: give one of them")
	case o.RoundTo < 1 || o.RoundTo > 1024:
		return fmt.Errorf("round-to %d: give a number of channels from 1 to 1024", o.RoundTo)
	}
	if o.Device != "" {
		if _, err := hw.Locate(o.Device); err != nil {
			return err
		}
	}
	return wholefile.CheckOutputs([]string{o.Output, o.PolicyOut}, []string{o.Model, o.Data, o.Policy})
}

// policy reads what was asked for and gives what makes a policy for a model of it.
func (o Compression) policy() (func(*structure.Structure) (structure.Policy, error), error) {
	if o.Uniform != "" {
		u, err := ParseUniform(o.Uniform)
		return func(s *structure.Structure) (structure.Policy, error) { return u.policy(s), nil }, err
	}
	content, err := os.ReadFile(o.Policy)
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	p, err := structure.ParsePolicy(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Policy, err)
	}
	return func(s *structure.Structure) (structure.Policy, error) {
		if err := s.Validate(p); err != nil {
			return nil, fmt.Errorf("%s does not suit the model: %w", o.Policy, err)
		}
		return p, nil
	}, nil
}

// Uniform is one choice for all layers.
type Uniform struct {
	Sparsity                   float64
	WeightBits, ActivationBits int // 32: float
}

// ParseUniform reads a choice like sparsity=0.3,bits=8. What is left out stays as it is: all
// channels, float.
func ParseUniform(text string) (Uniform, error) {
	u := Uniform{WeightBits: graph.FloatBits, ActivationBits: graph.FloatBits}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		var err error
		switch key {
		case "sparsity":
			u.Sparsity, err = strconv.ParseFloat(value, 64)
			if err == nil && !(u.Sparsity >= 0 && u.Sparsity < 1) {
				err = errors.New("out of range")
			}
			if err != nil {
				return u, fmt.Errorf("uniform sparsity %q: give the share of channels to remove, from 0 to below 1", value)
			}
			continue
		case "bits":
			u.WeightBits, err = bitsOf(value)
			u.ActivationBits = u.WeightBits
		case "weight-bits":
			u.WeightBits, err = bitsOf(value)
		case "activation-bits":
			u.ActivationBits, err = bitsOf(value)
		default:
			return u, fmt.Errorf("uniform policies have no %q; give sparsity, bits, weight-bits or activation-bits, as in sparsity=0.3,bits=8", key)
		}
		if err != nil {
			return u, fmt.Errorf("uniform %s %q: %w", key, value, err)
		}
	}
	if (u.WeightBits == graph.FloatBits) != (u.ActivationBits == graph.FloatBits) {
		return u, fmt.Errorf("uniform %q: %d weight bits with %d activation bits; give both, or bits", text, u.WeightBits, u.ActivationBits)
	}
	return u, nil
}

func bitsOf(value string) (int, error) {
	bits, err := strconv.Atoi(value)
	if err != nil || bits != graph.FloatBits && (bits < 1 || bits > 8) {
		return 0, errors.New("give 1 to 8 bits, or 32 for float")
	}
	return bits, nil
}

// policy gives every layer the choice, but keeps eight bits where fewer cost most: in the
// classifier and in what reads the image.
func (u Uniform) policy(s *structure.Structure) structure.Policy {
	p := s.Uniform(u.Sparsity, u.WeightBits)
	for l, info := range s.Layers {
		least := 1
		if !info.MayMix || s.Graph.Nodes[info.Node].Inputs[0] == s.Graph.Input {
			least = 8
		}
		p[l].WeightBits, p[l].ActivationBits = max(u.WeightBits, least), max(u.ActivationBits, least)
	}
	return p
}

// quality scores a network on the validation and the test images.
func quality(ctx context.Context, g *graph.Graph, w *workload.Workload, d *dataset.Data) (Quality, error) {
	q := Quality{}
	q.MACs, q.BOPs, q.Parameters = g.Totals()
	s, err := workload.Evaluate(ctx, g, w.Validation)
	if err != nil {
		return q, fmt.Errorf("score on the validation images: %w", err)
	}
	q.Validation = s.Top1
	if d.Test == nil {
		return q, nil
	}
	if s, err = workload.Evaluate(ctx, g, workload.All(d.Test)); err != nil {
		return q, fmt.Errorf("score on the test images: %w", err)
	}
	q.Test = s.Top1
	return q, nil
}

func (r *Compressed) time(ctx context.Context, device string, original, result *graph.Graph) error {
	d, err := hw.Open(device, original, hw.Options{EncodeONNX: onnx.Encode})
	if err != nil {
		return fmt.Errorf("open the device: %w", err)
	}
	defer d.Close()
	m, err := d.Measure(ctx, result)
	if err != nil {
		return fmt.Errorf("measure the latency: %w", err)
	}
	r.Latency, r.Device = &m, d.Fingerprint()
	return nil
}

func compressedLayers(s *structure.Structure, p structure.Policy, result *graph.Graph) []CompressedLayer {
	layers := make([]CompressedLayer, len(s.Layers))
	for l, node := range result.Layers() {
		info := s.Layers[l]
		layers[l] = CompressedLayer{
			Name: info.Layer, Kept: result.Nodes[node].Weight().Shape[0], Channels: info.Channels,
			WeightBits: p[l].WeightBits, ActivationBits: p[l].ActivationBits,
			MACs: result.MACs(node), OriginalMACs: s.Graph.MACs(info.Node), Why: info.Why,
		}
	}
	return layers
}
