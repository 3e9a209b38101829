package cli

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"galen/engine"
	"galen/store"
	"galen/ui/plain"
	"galen/ui/report"
)

func runsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List all runs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return visit(engine.OpenReadOnly, func(w workbench) error {
				runs, err := w.Runs()
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(os.Stdout, runs)
				}
				if len(runs) == 0 {
					_, err := plain.Fprintf(os.Stdout, "no runs yet; start one with %s or %s\n", suggested("demo"), suggested("search"))
					return err
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
			return visit(engine.OpenReadOnly, func(w workbench) error {
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
			return visit(engine.OpenReadOnly, func(w workbench) error {
				e, err := w.Export(cmd.Context(), arguments[0], episode, onnxTo, policyTo)
				if err != nil {
					return err
				}
				for _, file := range []string{onnxTo, policyTo} {
					if file != "" {
						plain.Fprintf(os.Stdout, "wrote %s: episode %d, %.2f %% at %.3f×\n", file, e.Number, 100*e.Accuracy, e.LatencyRatio)
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
