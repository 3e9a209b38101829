package oneshot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galen/engine/npy"
	"galen/engine/onnx"
	"galen/hw/graph"
	"galen/hw/runtime"
)

// Outcomes of a verification.
const (
	VerifyPassed  = "pass"
	VerifyFailed  = "fail"
	VerifyRefused = "refused" // galen cannot take the model
)

// Verification is how galen's outputs compare with those that came with a model.
type Verification struct {
	Case     string   `json:"case"`
	Status   string   `json:"status"`    // VerifyPassed, VerifyFailed or VerifyRefused
	MaxError *float64 `json:"max_error"` // largest absolute difference; nil where no finite one was found
	Reason   string   `json:"reason"`    // why not pass
}

// Tolerance is how far an output may lie from the expected one: Absolute + Relative·|expected|.
type Tolerance struct{ Relative, Absolute float64 }

// DefaultTolerance leaves room for another order of summation in 32-bit floating point.
var DefaultTolerance = Tolerance{Relative: 1e-3, Absolute: 1e-5}

// VerifyCase runs a conformance case as the ONNX project lays them out: a folder with model.onnx and
// test_data_set_*/input_0.pb and output_0.pb, or one of its light models, NAME.onnx with NAME_output_0.pb
// beside it and the input 0, 1/n, 2/n, ….
func VerifyCase(ctx context.Context, path string, t Tolerance) Verification {
	v := &verifier{tolerance: t}
	if strings.HasSuffix(path, ".onnx") {
		return v.result(path, v.runLight(ctx, path))
	}
	return v.result(filepath.Clean(path), v.runCase(ctx, path))
}

// VerifyArrays runs a model on the input in one .npy file and compares with the output in another.
func VerifyArrays(ctx context.Context, model, input, expect string, t Tolerance) Verification {
	v := &verifier{tolerance: t}
	return v.result(model, v.runArrays(ctx, model, input, expect))
}

// verifier gathers what a case shows.
type verifier struct {
	tolerance Tolerance
	compared  bool
	worst     float64 // largest absolute difference
}

// refusal is an error that says that galen does not take a model.
type refusal struct{ error }

func (v *verifier) result(name string, err error) Verification {
	r := Verification{Case: name, Status: VerifyPassed}
	if v.compared && !math.IsInf(v.worst, 0) {
		r.MaxError = &v.worst
	}
	if err != nil {
		r.Status, r.Reason = VerifyFailed, err.Error()
		if refused := (refusal{}); errors.As(err, &refused) {
			r.Status = VerifyRefused
		}
	}
	return r
}

func (v *verifier) runCase(ctx context.Context, folder string) error {
	sets, err := filepath.Glob(filepath.Join(escape(folder), "test_data_set_*"))
	if err != nil {
		return err
	}
	model := filepath.Join(folder, "model.onnx")
	if _, err := os.Stat(model); err != nil {
		return fmt.Errorf("not a case: %w", err)
	}
	if len(sets) == 0 {
		return fmt.Errorf("not a case: %s has no test_data_set_0", folder)
	}
	g, plan, err := compileModel(model)
	if err != nil {
		return err
	}
	for _, set := range sets {
		if _, err := os.Stat(filepath.Join(set, "input_1.pb")); err == nil {
			return refusal{errors.New("the case has several inputs; galen takes models with one")}
		}
		input, err := onnx.LoadTensor(filepath.Join(set, "input_0.pb"))
		if err != nil {
			return err
		}
		want, err := onnx.LoadTensor(filepath.Join(set, "output_0.pb"))
		if err != nil {
			return err
		}
		if err := v.run(ctx, g, plan, input, want); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(set), err)
		}
	}
	return nil
}

// escape makes a path that filepath.Glob takes literally.
func escape(path string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

func (v *verifier) runLight(ctx context.Context, model string) error {
	expect := strings.TrimSuffix(model, ".onnx") + "_output_0.pb"
	if _, err := os.Stat(expect); err != nil {
		return errors.New("nothing to compare with; name the model's input and output with --input and --expect")
	}
	g, plan, err := compileModel(model)
	if err != nil {
		return err
	}
	want, err := onnx.LoadTensor(expect)
	if err != nil {
		return err
	}
	shape := append([]int{1}, g.Values[g.Input].Shape...)
	ramp := make([]float32, plan.InputElements())
	for i := range ramp {
		ramp[i] = float32(float64(i) / float64(len(ramp)))
	}
	return v.run(ctx, g, plan, &onnx.Tensor{Shape: shape, Data: ramp}, want)
}

func (v *verifier) runArrays(ctx context.Context, model, input, expect string) error {
	g, plan, err := compileModel(model)
	if err != nil {
		return err
	}
	shape, numbers, err := npy.Load(input)
	if err != nil {
		return fmt.Errorf("input: %w", err)
	}
	wantShape, want, err := npy.Load(expect)
	if err != nil {
		return fmt.Errorf("expected output: %w", err)
	}
	return v.run(ctx, g, plan, &onnx.Tensor{Shape: shape, Data: numbers}, &onnx.Tensor{Shape: wantShape, Data: want})
}

// compileModel reads a model and compiles it; its error is a refusal if the file could be read.
func compileModel(path string) (*graph.Graph, *runtime.Plan, error) {
	content, err := onnx.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the model: %w", err)
	}
	g, err := onnx.Decode(content)
	if err != nil {
		return nil, nil, refusal{err}
	}
	plan, err := runtime.Compile(g, runtime.Options{})
	if err != nil {
		return nil, nil, refusal{err}
	}
	return g, plan, nil
}

// run computes the images of a batch one by one and compares them.
func (v *verifier) run(ctx context.Context, g *graph.Graph, plan *runtime.Plan, input, want *onnx.Tensor) error {
	n, pixels, err := batchOf(g.Values[g.Input].Shape, input)
	if err != nil {
		return err
	}
	shape := append([]int{n}, g.Values[g.Output].Shape...)
	if !slices.Equal(withoutOnes(shape), withoutOnes(want.Shape)) {
		return fmt.Errorf("gives an output of %v, expected is %v", shape, want.Shape)
	}
	got := make([]float32, n*plan.OutputElements())
	if err := plan.RunBatchContext(ctx, got, pixels, n, 0); err != nil {
		return err
	}
	return v.compare(got, want.Data)
}

// batchOf finds the images in an input: a batch in its first dimension, or a single one without
// it. Channels that come last, as TensorFlow has them, are moved to the front, as the graph expects them.
func batchOf(shape graph.Shape, input *onnx.Tensor) (n int, pixels []float32, err error) {
	n, image := 1, input.Shape
	if len(image) > len(shape) {
		n, image = image[0], image[1:]
	}
	switch {
	case n < 1:
		return 0, nil, errors.New("the input holds no image")
	case slices.Equal(image, shape):
		return n, input.Data, nil
	case len(shape) == 3 && slices.Equal(image, []int{shape[1], shape[2], shape[0]}):
		return n, channelsFirst(input.Data, shape[0], shape[1]*shape[2]), nil
	}
	return 0, nil, fmt.Errorf("the input is %v, the model takes a batch of %v", input.Shape, shape)
}

func channelsFirst(data []float32, channels, area int) []float32 {
	moved := make([]float32, 0, len(data))
	for ; len(data) > 0; data = data[channels*area:] {
		for c := range channels {
			for p := range area {
				moved = append(moved, data[p*channels+c])
			}
		}
	}
	return moved
}

// withoutOnes leaves out the dimensions that hold a single index: exporters differ in them.
func withoutOnes(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(d int) bool { return d == 1 })
}

// compare notes the largest difference, and fails if any is above the tolerance.
func (v *verifier) compare(got, want []float32) error {
	v.compared = true
	first, wrong := -1, 0
	for i, w := range want {
		d := math.Abs(float64(got[i]) - float64(w))
		if got[i] == w || got[i] != got[i] && w != w { // infinities and NaN where they are expected
			d = 0
		}
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		v.worst = max(v.worst, d)
		if math.IsInf(d, 1) || d > v.tolerance.Absolute+v.tolerance.Relative*math.Abs(float64(w)) {
			if wrong == 0 {
				first = i
			}
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d outputs differ by more than the tolerance: number %d is %v, expected %v", wrong, len(want), first, got[first], want[first])
	}
	return nil
}
