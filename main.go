// Galen searches for smaller, faster versions of a trained convolutional network,
// with latency measured on the device it will run on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"galen/engine"
	"galen/engine/dataset/download"
	"galen/engine/remote"
	"galen/hw"
	"galen/store"
	"galen/ui"
	"galen/ui/headless"
	"galen/ui/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "galen:", err)
		os.Exit(1)
	}
}

// one accepts exactly one argument, which names what.
func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, arguments []string) error {
		if len(arguments) != 1 {
			return fmt.Errorf("%s takes one argument, %s, and got %d; see galen %s --help", cmd.Name(), what, len(arguments), cmd.Name())
		}
		return nil
	}
}

// database is the --db flag, shared by all commands.
var database string

// noMouse is the --no-mouse flag of everything that opens the terminal interface.
var noMouse bool

func databasePath() (string, error) {
	if database != "" {
		return database, nil
	}
	return store.DefaultPath()
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "galen",
		Short: "Compress a trained CNN until it is fast enough on your device",
		Long: `Galen searches, layer by layer, how many channels of a trained convolutional network can be
pruned and how few bits the rest needs, so that it meets a latency target measured on the
device it will run on, with the least loss of accuracy.

Without a command it opens the terminal interface. The first time, when there are no
runs yet, it starts the built-in demo.`,
		Example: `  galen                                             the terminal interface
  galen search --model net.onnx --data cifar-10-batches-bin --target 0.3
  galen export demo --onnx small.onnx               take away the best network found`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !onTerminal() {
				return begin(cmd.Context(), engine.DemoSettings(), output{headless: true})
			}
			return browse(cmd.Context())
		},
	}
	root.PersistentFlags().StringVar(&database, "db", "", "`file` that holds the runs (default $XDG_DATA_HOME/galen/galen.db)")
	root.PersistentFlags().BoolVar(&noMouse, "no-mouse", false, "leave the mouse to the terminal, as for selecting text")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.AddCommand(demoCommand(), searchCommand(), resumeCommand(), steerCommand(), forkCommand(), runsCommand(), showCommand(),
		compareCommand(), evalCommand(), compressCommand(), exportCommand(), verifyCommand(), benchCommand(), dataCommand(), serveCommand(), versionCommand())
	return root
}

// output says where a search is shown.
type output struct{ headless, json bool }

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.headless, "headless", false, "report as text instead of opening the terminal interface")
	cmd.Flags().BoolVar(&o.json, "json", false, "report as JSON, one object a line (implies --headless)")
}

func searchFlags(cmd *cobra.Command, s *engine.Settings) {
	f := cmd.Flags()
	f.StringVar(&s.Agent, "agent", s.Agent, "what decides: joint (channels and bits), prune or quantize, which learn; or a baseline: uniform (all layers alike), random, evolution, or dynamic (a dynamic program over latencies and sensitivities of layers)")
	f.StringVar(&s.Preset, "preset", s.Preset, "numbers that shape learning: paper (those of Krieger et al. 2022, from random actions; they rounded to 32 channels for joint, 1 for prune: --round-to)")
	f.StringVar(&s.Device, "device", s.Device, "where latency comes from: local (measured here), ort:LIBRARY (ONNX Runtime here) or roofline: (computed, for trying things out)")
	f.Float64Var(&s.Target, "target", s.Target, "wanted latency as a share of the original model's")
	f.StringVar(&s.Reward, "reward", s.Reward, "what an episode is worth: r6 (accuracy less the distance from the target), r7 (the same, but being faster costs nothing), r5 (accuracy, less only above the target) or r4 (accuracy × how much faster, no target)")
	f.Float64Var(&s.Beta, "beta", s.Beta, "how strongly distance from the target is punished (negative)")
	f.IntVar(&s.Episodes, "episodes", s.Episodes, "how many policies to try")
	f.Uint64Var(&s.Seed, "seed", s.Seed, "all but measured time follows from it")
	f.IntVar(&s.RoundTo, "round-to", s.RoundTo, "keep channels in multiples of this")
	f.StringVar(&s.Repair, "repair", engine.Repairs[0], "how layers make up for what they lost: sequential (one after the other, keeps most accuracy), independent (each by itself and kept for the next episode: for large networks), statistics, or automatic, by the network's size")
	f.IntVar(&s.MaxBits, "max-bits", s.MaxBits, "most bits of a mixed-precision layer, 1 to 8")
	f.StringVar(&s.Name, "name", s.Name, "name of the run (default: the model's)")
}

func demoCommand() *cobra.Command {
	settings, out := engine.DemoSettings(), output{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Search on the built-in network and images",
		Long: `Search on the built-in network (a small residual network) and images (generated, ten classes).
Everything about it is real but the subject: the agent, the compression, the accuracy on
images, the latency measured on this machine.`,
		Example: `  galen demo
  galen demo --headless --episodes 30 --agent quantize`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return begin(cmd.Context(), settings, out) },
	}
	searchFlags(cmd, &settings)
	out.flags(cmd)
	return cmd
}

func searchCommand() *cobra.Command {
	settings, out := engine.DefaultSettings(), output{}
	cmd := &cobra.Command{
		Use:   "search --model FILE --data DIR",
		Short: "Search a compression policy for a model",
		Long: `Search a compression policy for a trained model. The data is CIFAR-10 or CIFAR-100 in its
binary layout, a folder of images by class, or NumPy arrays; what is not for validation by
name is set apart from the training images.`,
		Example: `  galen search --model resnet20.onnx --data cifar-10-batches-bin --target 0.3
  galen search --model resnet20.onnx --data cifar-10-batches-bin --agent quantize --episodes 100 --headless
  galen search --model resnet20.onnx --data cifar-10-batches-bin --json > search.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return begin(cmd.Context(), settings, out) },
	}
	cmd.Flags().StringVar(&settings.Model, "model", "", "ONNX `file` of the trained model")
	cmd.Flags().StringVar(&settings.Data, "data", "", dataUsage)
	dataFlags(cmd, &settings.DataOptions)
	searchFlags(cmd, &settings)
	out.flags(cmd)
	return cmd
}

func resumeCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that was paused, quit or killed",
		Long: `Go on with a run that was paused, quit or killed. At most the episode that was under way is
lost. RUN is a run's name or id, as galen runs lists them.`,
		Example: "  galen resume demo",
		Args:    one("a run"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return attend(cmd.Context(), out, func(w workbench) (string, error) {
				run, err := w.Find(arguments[0])
				if err != nil || run.ID == w.Active() {
					return run.ID, err
				}
				if err := free(w); err != nil {
					return "", err
				}
				return run.ID, w.Resume(run.ID)
			})
		},
	}
	out.flags(cmd)
	return cmd
}

func forkCommand() *cobra.Command {
	var (
		episode int
		name    string
	)
	cmd := &cobra.Command{
		Use:   "fork RUN",
		Short: "Copy a run up to an episode, to go on with differently",
		Long: `Copy a run up to an episode into a new run, which can be resumed and steered by itself. The
original stays as it is.`,
		Example: "  galen fork demo --episode 50 --name demo-bold\n  galen resume demo-bold",
		Args:    one("a run"),
		RunE: func(cmd *cobra.Command, arguments []string) (err error) {
			w, err := owner()
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, w.Close()) }()
			fork, err := w.Fork(arguments[0], episode, name)
			if err != nil {
				return advise(err)
			}
			fmt.Printf("%s (%s) has %d episodes; go on with: galen resume %s\n", fork.Name, fork.ID, fork.Episodes, fork.Name)
			return nil
		},
	}
	cmd.Flags().IntVar(&episode, "episode", 0, "`number` of the last episode to copy (default: all)")
	cmd.Flags().StringVar(&name, "name", "", "name of the copy (default: made from the original's)")
	return cmd
}

// begin starts a new run and shows it.
func begin(ctx context.Context, s engine.Settings, out output) error {
	if err := s.Check(); err != nil {
		return err
	}
	return attend(ctx, out, func(w workbench) (string, error) {
		if err := free(w); err != nil {
			return "", err
		}
		return w.Start(s)
	})
}

// browse opens the terminal interface on the search under way, on the list of runs, or on
// the demo if there are none.
func browse(ctx context.Context) error {
	return attend(ctx, output{}, func(w workbench) (string, error) {
		if active := w.Active(); active != "" {
			return active, nil
		}
		runs, err := w.Runs()
		if err != nil || len(runs) > 0 {
			return "", err
		}
		return w.Start(engine.DemoSettings())
	})
}

// workbench is that of this process, or of the one that owns the database.
type workbench interface {
	ui.Workbench
	Find(nameOrID string) (*store.Run, error)
	Episode(nameOrID string, number int) (*engine.Snapshot, *store.Episode, error)
	Close() error
}

// free checks that no search would have to give way to another.
func free(w workbench) error {
	active := w.Active()
	if active == "" {
		return nil
	}
	run, err := w.Find(active)
	if err != nil {
		return err
	}
	owner := ""
	if c, ok := w.(*remote.Client); ok {
		owner = fmt.Sprintf(" by process %d", c.PID())
	}
	return fmt.Errorf("run %s is being searched in this store%s: watch it with galen, end it with galen steer %s stop, or use another store with --db FILE", run.Name, owner, run.Name)
}

// attend lets start set a search going and shows it until it ends or the person leaves.
// In a terminal the search belongs to a process in the background and goes on when
// the terminal is left; otherwise leaving pauses it.
func attend(ctx context.Context, out output, start func(workbench) (run string, err error)) error {
	path, err := databasePath()
	if err != nil {
		return err
	}
	if out.headless || out.json || !onTerminal() {
		return work(ctx, path, out, start)
	}
	client, err := remote.Connect(path)
	if err != nil {
		return err
	}
	defer client.Close()
	run, err := start(client)
	if err != nil {
		return advise(err)
	}
	if err := ui.Run(ctx, client, ui.Options{Open: run, Database: database, NoMouse: noMouse}); err != nil {
		return err
	}
	sayWhatGoesOn(client)
	return nil
}

// sayWhatGoesOn tells a person who left that the search did not end with the terminal.
func sayWhatGoesOn(client *remote.Client) {
	if client.Active() == "" {
		return
	}
	asking, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := client.Wait(asking, 0) // the store would tell how it stood after the latest episode
	if err == nil && s.State.Live() && s.State != engine.Paused {
		fmt.Printf("%s goes on in the background; galen shows it again\n", s.Run.Name)
	}
}

// work searches in this process and reports as text. Others can watch and steer.
func work(ctx context.Context, path string, out output, start func(workbench) (run string, err error)) (err error) {
	w, err := engine.Open(path)
	if errors.Is(err, store.ErrLocked) {
		if client, err := remote.Dial(path); err == nil {
			defer client.Close()
			return follow(ctx, client, out, start)
		}
	}
	if err != nil {
		return advise(err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	server, err := remote.Listen(path, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	return follow(ctx, w, out, start)
}

// follow reports a search until it ends; leaving pauses it.
func follow(ctx context.Context, w workbench, out output, start func(workbench) (run string, err error)) error {
	run, err := start(w)
	if err != nil {
		return advise(err)
	}
	err = headless.Follow(ctx, w, os.Stdout, headless.Options{JSON: out.json, Live: onTerminal()})
	if ctx.Err() != nil {
		pausing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = w.Send(pausing, engine.Command{Kind: engine.Pause, Who: ui.UserName()}) // one that has ended needs no pause
		fmt.Fprintf(os.Stderr, "paused; go on with: galen resume %s\n", run)
		return nil
	}
	return err
}

// serveTime is how long a process in the background waits for its first client, and
// for another when the last one has gone and nothing is searched.
const serveTime = 5 * time.Second

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Own the store and search in the background, for other galens to show and steer",
		Long: `Own the store and search in the background, for other galens to show and steer. The terminal
interface starts it by itself; it ends when nothing is searched and nobody looks on.`,
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			path, err := databasePath()
			if err != nil {
				return err
			}
			w, err := engine.Open(path)
			if err != nil {
				return advise(err)
			}
			defer func() { err = errors.Join(err, w.Close()) }()
			server, err := remote.Listen(path, w)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, server.Close()) }()
			if err := server.Idle(cmd.Context(), serveTime); err != nil && cmd.Context().Err() == nil {
				return err
			}
			return nil
		},
	}
}

func steerCommand() *cobra.Command {
	var verbs strings.Builder
	for _, v := range engine.Verbs() {
		fmt.Fprintf(&verbs, "\n  %-52s %s", strings.TrimSpace(v.Name+" "+v.Takes), v.Does)
	}
	return &cobra.Command{
		Use:   "steer RUN COMMAND",
		Short: "Give a running search a command: pause it, change its target, pin a layer, …",
		Long: `Give a running search a command, from any terminal. It takes effect at the next step, is
written to the run's journal and printed with what it changed. Commands:
` + verbs.String(),
		Example: `  galen steer demo target 0.3
  galen steer demo pin /layer1/conv1/Conv sparsity=0.5 weights=4 activations=8
  galen steer demo pause`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) < 2 {
				return errors.New("steer takes a run and a command, like galen steer demo target 0.3; see galen steer --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, arguments []string) error {
			command, err := engine.ParseCommand(strings.Join(arguments[1:], " "))
			if err != nil {
				return err
			}
			command.Who = ui.UserName()
			path, err := databasePath()
			if err != nil {
				return err
			}
			client, err := remote.Dial(path)
			if errors.Is(err, remote.ErrNobody) {
				return fmt.Errorf("nothing is being searched in %s; go on with a run by: galen resume %s", path, arguments[0])
			}
			if err != nil {
				return err
			}
			defer client.Close()
			run, err := client.Find(arguments[0])
			if err != nil {
				return advise(err)
			}
			if run.ID != client.Active() {
				return fmt.Errorf("run %s is %s, not being searched; go on with it by: galen resume %s", run.Name, run.State, run.Name)
			}
			if err := client.Send(cmd.Context(), command); err != nil {
				return err
			}
			return acknowledged(cmd.Context(), client, command)
		},
	}
}

// acknowledged prints what the journal says of a command that took effect.
func acknowledged(ctx context.Context, client *remote.Client, c engine.Command) error {
	s, err := client.Wait(ctx, 0)
	if err != nil {
		return err
	}
	for i := len(s.Journal) - 1; i >= 0; i-- {
		if e := s.Journal[i]; e.Command == c.String() {
			fmt.Print(e.Command)
			if e.Effect != "" {
				fmt.Printf(": %s", e.Effect)
			}
			fmt.Printf(", from episode %d\n", e.Episode)
			break
		}
	}
	return nil
}

func runsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List all runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return look(func(w workbench) error {
				runs, err := w.Runs()
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(os.Stdout, runs)
				}
				return report.Runs(os.Stdout, runs)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the runs as JSON")
	return cmd
}

func showCommand() *cobra.Command {
	var (
		episode        int
		timing, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run's settings, its best policy or another episode's",
		Example: `  galen show demo
  galen show demo --episode 17
  galen show demo --timing`,
		Args: one("a run"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return look(func(w workbench) error {
				s, e, err := w.Episode(arguments[0], episode)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(os.Stdout, struct {
						Run       *store.Run       `json:"run"`
						Reference *store.Reference `json:"reference"`
						Episode   *store.Episode   `json:"episode"`
						Timing    engine.Timing    `json:"timing"`
					}{s.Run, s.Reference, e, engine.TimingOf(s.Episodes)})
				}
				if timing {
					return report.Timing(os.Stdout, s)
				}
				return report.Episode(os.Stdout, s, e)
			})
		},
	}
	cmd.Flags().IntVar(&episode, "episode", 0, "`number` of the episode (default: the best)")
	cmd.Flags().BoolVar(&timing, "timing", false, "show where the time of the episodes went instead")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func evalCommand() *cobra.Command {
	var (
		data, split, on string
		options         engine.DataOptions
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
			r, err := engine.EvaluateOn(cmd.Context(), on, arguments[0], data, split, options)
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
	o, asJSON := engine.OneShot{RoundTo: engine.DefaultSettings().RoundTo}, false
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
			c, err := engine.CompressOnce(cmd.Context(), o)
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
func dataFlags(cmd *cobra.Command, o *engine.DataOptions) {
	f := cmd.Flags()
	f.Float32SliceVar(&o.Mean, "mean", nil, "channel means the model was trained with, of pixels in [0,1] (default: the model file's, or usual for the data)")
	f.Float32SliceVar(&o.Std, "std", nil, "channel deviations the model was trained with (default: the model file's, or usual for the data)")
	f.IntVar(&o.Resize, "resize", 0, "shorter side images are resized to before the centre is cropped (default: 256 for an image folder and a 224-pixel model, in proportion for others)")
}

func exportCommand() *cobra.Command {
	var (
		episode          int
		onnxTo, policyTo string
	)
	cmd := &cobra.Command{
		Use:   "export RUN --onnx FILE",
		Short: "Write the best network found, or another episode's, as ONNX",
		Long: `Write the network of a run's best episode, or of another one, as ONNX: pruned for real,
quantized as QuantizeLinear/DequantizeLinear pairs that ONNX Runtime executes with its integer
kernels. The policy file lists every layer's kept channels and bits as JSON.`,
		Example: `  galen export demo --onnx small.onnx
  galen export demo --episode 17 --onnx small.onnx --policy policy.json`,
		Args: one("a run"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			if onnxTo == "" && policyTo == "" {
				return errors.New("nothing to write: name a file with --onnx or --policy")
			}
			return look(func(w workbench) error {
				e, err := w.Export(cmd.Context(), arguments[0], episode, onnxTo, policyTo)
				if err != nil {
					return err
				}
				for _, file := range []string{onnxTo, policyTo} {
					if file != "" {
						fmt.Printf("wrote %s: episode %d, %.2f %% at %.3f×\n", file, e.Number, 100*e.Accuracy, e.LatencyRatio)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&episode, "episode", 0, "`number` of the episode (default: the best)")
	cmd.Flags().StringVar(&onnxTo, "onnx", "", "`file` for the network")
	cmd.Flags().StringVar(&policyTo, "policy", "", "`file` for the policy, as JSON")
	return cmd
}

func dataCommand() *cobra.Command {
	var to, url string
	get := &cobra.Command{
		Use:   "get NAME",
		Short: "Download a data set: cifar10 or cifar100",
		Long: `Download a data set, check it against its published checksum and unpack it. What was
interrupted is continued by the same command; a folder that is there already is left alone.`,
		Example: `  galen data get cifar10
  galen eval resnet20.onnx --data cifar-10-batches-bin`,
		Args: one("the data set"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			archive, err := download.Find(arguments[0])
			if err != nil {
				return err
			}
			if url != "" {
				archive.URL = url
			}
			folder, err := archive.Get(cmd.Context(), to, downloadProgress(os.Stderr))
			if err != nil {
				return err
			}
			fmt.Printf("%s is in %s\n", archive.Name, folder)
			return nil
		},
	}
	get.Flags().StringVar(&to, "to", ".", "`folder` to put the data set's folder in")
	get.Flags().StringVar(&url, "url", "", "download from this `address` instead of the publisher's")
	cmd := &cobra.Command{Use: "data", Short: "Get images to work with", Args: cobra.NoArgs}
	cmd.AddCommand(get)
	return cmd
}

// downloadProgress reports on one line of a terminal, or every few seconds as a line.
func downloadProgress(out *os.File) func(download.Progress) {
	every, format := 5*time.Second, "downloaded %d of %d MiB\n"
	if term.IsTerminal(int(out.Fd())) {
		every, format = 200*time.Millisecond, "\rdownloaded %d of %d MiB "
	}
	last := time.Now()
	return func(p download.Progress) {
		if finished := p.Done == p.Total; finished || time.Since(last) >= every {
			last = time.Now()
			fmt.Fprintf(out, format, p.Done>>20, p.Total>>20)
			if finished && format[0] == '\r' {
				fmt.Fprintln(out)
			}
		}
	}
}

func verifyCommand() *cobra.Command {
	var (
		input, expect string
		tolerance     = engine.DefaultTolerance
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
				v := engine.Verification{}
				if arrays {
					v = engine.VerifyArrays(cmd.Context(), c, input, expect, tolerance)
				} else {
					v = engine.VerifyCase(cmd.Context(), c, tolerance)
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
		settings = engine.BenchSettings{Devices: []string{"local"}, Precision: "fp32", Threads: 1, Batch: 1}
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
			b, err := engine.Bench(cmd.Context(), arguments[0], settings)
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

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print galen's version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Println("galen", hw.Version()) },
	}
}

// advise adds to an error what a person can do about it on the command line.
func advise(err error) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w with --db FILE", err)
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w; galen runs lists what there is", err)
	}
	return err
}

// owner is the workbench of the process that owns the database: another one, or this.
func owner() (workbench, error) {
	path, err := databasePath()
	if err != nil {
		return nil, err
	}
	client, err := remote.Dial(path)
	if !errors.Is(err, remote.ErrNobody) {
		return client, err
	}
	w, err := engine.Open(path)
	return w, advise(err)
}

// look shows the database to use: by way of its owner if there is one, else read only.
func look(use func(workbench) error) (err error) {
	path, err := databasePath()
	if err != nil {
		return err
	}
	client, err := remote.Dial(path)
	if err == nil {
		defer client.Close()
		return advise(use(client))
	}
	if !errors.Is(err, remote.ErrNobody) {
		return err
	}
	w, err := engine.OpenReadOnly(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there are no runs in %s yet; start one with galen demo or galen search", path)
	}
	if err != nil {
		return advise(err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return advise(use(w))
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func onTerminal() bool {
	return term.IsTerminal(int(os.Stdout.Fd())) && term.IsTerminal(int(os.Stdin.Fd()))
}
