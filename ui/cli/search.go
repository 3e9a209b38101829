package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"galen/engine"
	"galen/engine/planner"
	"galen/ui/plain"
)

// output says where a search is shown.
type output struct{ headless, json bool }

func (o *output) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.headless, "headless", false, "report as text instead of opening the terminal interface")
	cmd.Flags().BoolVar(&o.json, "json", false, "report as JSON, one object a line (implies --headless)")
}

func searchFlags(cmd *cobra.Command, s *engine.Settings) {
	f := cmd.Flags()
	f.StringVar(&s.Agent, "agent", s.Agent, "what decides: joint (channels and bits), prune or quantize, which learn; prune-iterative or quantize-iterative, which learn to move around a reference; quantize-3 (the method by an action of its own); or a baseline: uniform (all layers alike), random, evolution, or dynamic (a dynamic program over latencies and sensitivities of layers)")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { presetReward(cmd, s) }
	f.StringVar(&s.Preset, "preset", s.Preset, "numbers that shape learning: paper (those of Krieger et al. 2022, from random actions, with reward r6 and beta -5 unless given; they rounded to 32 channels for joint, 1 for prune: --round-to)")
	f.StringVar(&s.Device, "device", s.Device, "where latency comes from: local (measured here), ort:LIBRARY (ONNX Runtime here) or roofline: (computed, for trying things out)")
	f.Float64Var(&s.Target, "target", s.Target, "wanted latency as a share of the original model's")
	f.StringVar(&s.Reward, "reward", s.Reward, "what an episode is worth: r6 (accuracy less the distance from the target), r7 (the same, but being faster costs nothing), r3 (as r7, but each layer answers for its own part of the latency), r5 (accuracy, less only above the target) or r4 (accuracy × how much faster, no target)")
	f.Float64Var(&s.Beta, "beta", s.Beta, "how strongly distance from the target is punished (negative)")
	f.IntVar(&s.Episodes, "episodes", s.Episodes, "how many policies to try")
	f.Uint64Var(&s.Seed, "seed", s.Seed, "all but measured time follows from it")
	f.IntVar(&s.RoundTo, "round-to", s.RoundTo, "keep channels in multiples of this")
	f.StringVar(&s.Repair, "repair", engine.Repairs[0], "how layers make up for what they lost: sequential (one after the other, keeps most accuracy), independent (each by itself and kept for the next episode: for large networks), statistics, or automatic, by the network's size")
	f.IntVar(&s.Images, "images", s.Images, "validation images that score each policy; at most half of those that are held out, unless they are few")
	f.IntVar(&s.MaxBits, "max-bits", s.MaxBits, "most bits of a mixed-precision layer, 1 to 8")
	f.StringVar(&s.Name, "name", s.Name, "name of the run (default: the model's)")
}

// presetReward gives the paper's preset the paper's reward, unless another one is asked for.
func presetReward(cmd *cobra.Command, s *engine.Settings) {
	if s.Preset == "" {
		return
	}
	if !cmd.Flags().Changed("reward") {
		s.Reward = planner.PaperReward
	}
	if !cmd.Flags().Changed("beta") {
		s.Beta = planner.PaperBeta
	}
}

// fromFlag asks for the policy that a search starts from.
func fromFlag(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "start from a policy of another `RUN[:EPISODE]` of the same model (its best, unless an episode is named): prune keeps its bits, quantize its sparsities, and the target stays a share of the uncompressed model's latency")
}

func demoCommand() *cobra.Command {
	settings, out, from := engine.DemoSettings(), output{}, ""
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Search on the built-in network and images",
		Long: `Search on the built-in network (a small residual network) and images (generated, ten classes).
Everything about it is real but the subject: the agent, the compression, the accuracy on
images, the latency measured on this machine.`,
		Example: `  galen demo
  galen demo --headless --episodes 30 --agent quantize`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return begin(cmd.Context(), settings, from, out) },
	}
	fromFlag(cmd, &from)
	searchFlags(cmd, &settings)
	out.flags(cmd)
	return cmd
}

func searchCommand() *cobra.Command {
	settings, out, from := engine.DefaultSettings(), output{}, ""
	cmd := &cobra.Command{
		Use:   "search --model FILE --data DIR",
		Short: "Search a compression policy for a model",
		Long: `Search a compression policy for a trained model. The data is CIFAR-10 or CIFAR-100 in its
binary layout, a folder of images by class, or NumPy arrays; what is not for validation by
name is set apart from the training images.`,
		Example: `  galen search --model resnet20.onnx --data cifar-10-batches-bin --target 0.3
  galen search --model resnet20.onnx --data cifar-10-batches-bin --agent quantize --episodes 100 --headless
  galen search --model resnet20.onnx --data cifar-10-batches-bin --agent quantize --from pruned --target 0.2
  galen search --model resnet20.onnx --data cifar-10-batches-bin --json > search.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return begin(cmd.Context(), settings, from, out) },
	}
	fromFlag(cmd, &from)
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
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return visit(engine.Open, func(w workbench) error {
				fork, err := w.Fork(arguments[0], episode, name)
				if err != nil {
					return err
				}
				plain.Fprintf(os.Stdout, "%s (%s) has %d episodes; go on with: %s\n", fork.Name, fork.ID, fork.Episodes, suggested("resume", fork.Name))
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&episode, "episode", 0, "`number` of the last episode to copy (default: all)")
	cmd.Flags().StringVar(&name, "name", "", "name of the copy (default: made from the original's)")
	return cmd
}

// begin starts a new run, from a policy of another one if that is named, and shows it.
func begin(ctx context.Context, s engine.Settings, from string, out output) error {
	s, err := s.Resolved()
	if err != nil {
		return err
	}
	return attend(ctx, out, func(w workbench) (string, error) {
		if err := free(w); err != nil {
			return "", err
		}
		if from != "" {
			if s.Base, err = engine.BaseFrom(w, from); err != nil {
				return "", err
			}
		}
		return w.Start(s)
	})
}

// browse opens the terminal interface on the search under way, or on the list of runs; without
// any, that says how to begin.
func browse(ctx context.Context) error {
	return attend(ctx, output{}, func(w workbench) (string, error) { return w.Active(), nil })
}
