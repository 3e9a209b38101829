package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"galen/engine"
	"galen/engine/oneshot"
	"galen/engine/workload"
	"galen/ui/report"
)

func evalCommand() *cobra.Command {
	var (
		data, split, on string
		options         workload.DataOptions
		asJSON          bool
	)
	cmd := &cobra.Command{
		Use:   "eval MODEL.onnx --data DIR",
		Short: "Measure a model's accuracy on images",
		Example: `  galen eval resnet20.onnx --data cifar-10-batches-bin
  galen eval small.onnx --data cifar-10-batches-bin --on ort:/usr/lib/libonnxruntime.so
  galen eval small.onnx --data demo --split validation`,
		Args: one("the ONNX file to evaluate"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			r, err := oneshot.Evaluate(cmd.Context(), on, arguments[0], data, split, options)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(os.Stdout).Encode(r)
			}
			fmt.Printf("%d images  top-1 %.2f %%  top-5 %.2f %%  %.0f images/s\n", r.Images, 100*r.Top1, 100*r.Top5, r.ImagesPerSecond)
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", "", dataUsage+", or demo for the built-in images")
	dataFlags(cmd, &options)
	cmd.Flags().StringVar(&split, "split", "test", "which images: test, validation, held-out or train")
	cmd.Flags().StringVar(&on, "on", "local", "`runtime` that computes: local or ort:LIBRARY (ONNX Runtime's shared library)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	_ = cmd.MarkFlagRequired("data")
	return cmd
}

func compressCommand() *cobra.Command {
	o, asJSON := oneshot.Compression{RoundTo: engine.DefaultSettings().RoundTo}, false
	cmd := &cobra.Command{
		Use:   "compress MODEL.onnx --data DIR (--policy FILE | --uniform sparsity=0.3,bits=8) -o OUT.onnx",
		Short: "Compress a model by a given policy, without a search",
		Long: `Compress a model by a policy that is given, without a search: prune and quantize it, calibrated
on training images, score the original and the result on validation and test images, and write
the result as ONNX. Of the original, nothing is changed.

The policy is a file as galen export and --policy-out write it, or a short list of layers with
sparsity and bits; docs/policy.md describes both. --uniform treats all layers alike: sparsity is the share of
channels that go (coupled layers together), bits those of weights and activations (1 to 8, 32 for
float); weight-bits and activation-bits set them apart. The layers that read the image and the
classifier keep eight bits where fewer are asked for.`,
		Example: `  galen compress resnet20.onnx --data cifar-10-batches-bin --uniform sparsity=0.3,bits=8 -o small.onnx
  galen compress resnet20.onnx --data cifar-10-batches-bin --policy policy.json -o small.onnx --measure local
  galen compress resnet20.onnx --data cifar-10-batches-bin --uniform weight-bits=4,activation-bits=8 -o w4.onnx --policy-out w4.json`,
		Args: one("the ONNX file to compress, or demo for the built-in model"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			o.Model = arguments[0]
			c, err := oneshot.Compress(cmd.Context(), o)
			if err != nil {
				return err
			}
			if asJSON {
				return report.CompressedJSON(os.Stdout, c)
			}
			return report.Compressed(os.Stdout, c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Data, "data", "", dataUsage+", or demo for the built-in images")
	dataFlags(cmd, &o.DataOptions)
	f.StringVar(&o.Policy, "policy", "", "`file` with a policy")
	f.StringVar(&o.Uniform, "uniform", "", "one `choice` for all layers: sparsity, bits, weight-bits, activation-bits")
	f.IntVar(&o.RoundTo, "round-to", o.RoundTo, "keep channels in multiples of this")
	f.StringVarP(&o.Output, "output", "o", "", "ONNX `file` to write")
	f.StringVar(&o.PolicyOut, "policy-out", "", "`file` for the policy as it was applied: channels kept, bits, scales")
	f.StringVar(&o.Device, "measure", "", "time original and result, in turn, on a `device`: local or ort:LIBRARY")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	_ = cmd.MarkFlagRequired("data")
	return cmd
}

const dataUsage = "`path` of the images: a CIFAR or image folder, .npz, .npy folder or CIFAR's .tar.gz"

// dataFlags are the flags of commands that read images.
func dataFlags(cmd *cobra.Command, o *workload.DataOptions) {
	f := cmd.Flags()
	f.Float32SliceVar(&o.Mean, "mean", nil, "channel means the model was trained with, of pixels in [0,1] (default: the model file's, or usual for the data)")
	f.Float32SliceVar(&o.Std, "std", nil, "channel deviations the model was trained with (default: the model file's, or usual for the data)")
	f.IntVar(&o.Resize, "resize", 0, "shorter side images are resized to before the centre is cropped (default: 256 for an image folder and a 224-pixel model, in proportion for others)")
}

func verifyCommand() *cobra.Command {
	var (
		input, expect string
		tolerance     = oneshot.DefaultTolerance
		asJSON        bool
	)
	cmd := &cobra.Command{
		Use:   "verify CASE… | MODEL.onnx --input X.npy --expect Y.npy",
		Short: "Check that galen computes what another framework computed",
		Long: `Check that galen computes what another framework computed. A case is a folder as the ONNX
project has them: model.onnx with test_data_set_*/input_0.pb and output_0.pb; or give a model
with its input and expected output as NumPy files. Batches are run image by image. A case
passes if no output differs by more than atol + rtol·|expected|; it is refused if galen
cannot take the model. The exit status is 1 if any fails.`,
		Example: `  galen verify onnx/backend/test/data/pytorch-converted/*
  galen verify net.onnx --input images.npy --expect logits.npy`,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			arrays := input != "" || expect != ""
			switch {
			case len(arguments) == 0:
				return errors.New("nothing to verify: name case folders, or a model with --input and --expect")
			case arrays && (input == "" || expect == "" || len(arguments) != 1):
				return errors.New("--input and --expect go together, with one model")
			}
			r := report.Verifications{Out: os.Stdout, JSON: asJSON}
			for _, c := range arguments {
				v := oneshot.Verification{}
				if arrays {
					v = oneshot.VerifyArrays(cmd.Context(), c, input, expect, tolerance)
				} else {
					v = oneshot.VerifyCase(cmd.Context(), c, tolerance)
				}
				if err := errors.Join(cmd.Context().Err(), r.Add(v)); err != nil {
					return err
				}
			}
			return r.Close()
		},
	}
	f := cmd.Flags()
	f.StringVar(&input, "input", "", "NumPy `file` with a batch of images as the model takes them")
	f.StringVar(&expect, "expect", "", "NumPy `file` with the outputs they should give")
	f.Float64Var(&tolerance.Relative, "rtol", tolerance.Relative, "allowed difference as a share of the expected number")
	f.Float64Var(&tolerance.Absolute, "atol", tolerance.Absolute, "allowed difference on top of that")
	f.BoolVar(&asJSON, "json", false, "print as JSON, one object a line")
	return cmd
}

func benchCommand() *cobra.Command {
	var (
		settings = oneshot.BenchSettings{Devices: []string{"local"}, Precision: "fp32", Threads: 1, Batch: 1}
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use:   "bench MODEL.onnx",
		Short: "Measure how fast a model runs, layer by layer, and against ONNX Runtime",
		Long: `Measure how fast a model runs. Devices take turns, sample by sample; the first one's latency
is given as a share of each other's, with its 95 % confidence interval. For int8 and w4a4 all
layers are quantized, calibrated on noise: the speed is right, the accuracy is not. fp32 runs
the model as it is.`,
		Example: `  galen bench net.onnx --layers
  galen bench net.onnx --on local,ort:/usr/lib/libonnxruntime.so --precision int8`,
		Args: one("the ONNX file to time, or demo for the built-in model"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			b, err := oneshot.Bench(cmd.Context(), arguments[0], settings)
			if err != nil {
				return err
			}
			if asJSON {
				return report.BenchJSON(os.Stdout, b)
			}
			return report.Bench(os.Stdout, b)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&settings.Devices, "on", settings.Devices, "`devices`: local, ort:LIBRARY (ONNX Runtime's shared library)")
	f.StringVar(&settings.Precision, "precision", settings.Precision, "fp32, int8 or w4a4 (4 bits but for the classifier)")
	f.IntVar(&settings.Threads, "threads", settings.Threads, "threads; on local they share out the images of a batch")
	f.IntVar(&settings.Batch, "batch", settings.Batch, "images per run")
	f.BoolVar(&settings.Layers, "layers", false, "time every layer on local: one image on one thread")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}
