package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"galen/engine"
	"galen/engine/remote"
	"galen/store"
	"galen/ui/plain"
	"galen/ui/report"
)

func compareCommand() *cobra.Command {
	c := engine.Comparison{Settings: engine.DefaultSettings(), Agents: []string{"joint", "random", "evolution", "dynamic"}, Seeds: 3}
	c.Settings.Episodes = 60
	var (
		asJSON bool
		plot   string
	)
	cmd := &cobra.Command{
		Use:   "compare --model FILE --data DIR",
		Short: "Let several agents search with the same budget, and compare what they find",
		Long: `Let several agents search, each with several seeds and the same number of episodes, on one
model, data and device, one run after another. The runs are stored like any others, as
compare-ID/AGENT/SEED; the same command goes on with a comparison that was interrupted. All
share the first run's evaluation of the original and its sensitivities.

For each agent, mean ± standard deviation over the seeds: the validation accuracy of the best
policy that meets the target (runs that found none count as 0), the best reward after a
quarter, a half, three quarters and all of the episodes, the hypervolume of the front of
accuracy and latency (1 would be all of the accuracy in no time), and the time taken.`,
		Example: `  galen compare --model resnet20.onnx --data cifar-10-batches-bin --target 0.5 --seeds 5 --episodes 200
  galen compare --model resnet20.onnx --data cifar-10-batches-bin --device roofline: --agents joint,dynamic --plot rewards.svg`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := databasePath()
			if err != nil {
				return err
			}
			err = own(path, func(w *engine.Workbench, _ *remote.Server) error {
				compared, err := w.Compare(cmd.Context(), c, func(run string, episodes, budget int) {
					plain.Fprintf(os.Stderr, "%s: %d of %d episodes\n", run, episodes, budget)
				})
				if cmd.Context().Err() != nil {
					return errors.New("interrupted; the same command goes on with the comparison")
				}
				if err != nil {
					return err
				}
				if plot != "" {
					if err := report.PlotRewards(plot, compared); err != nil {
						return err
					}
				}
				if asJSON {
					return report.CompareJSON(os.Stdout, compared)
				}
				return report.Compare(os.Stdout, compared)
			})
			if errors.Is(err, store.ErrLocked) {
				return held(path, err)
			}
			return err
		},
	}
	s, f := &c.Settings, cmd.Flags()
	f.StringVar(&s.Model, "model", "", "ONNX `file` of the trained model")
	f.StringVar(&s.Data, "data", "", dataUsage)
	f.BoolVar(&s.Demo, "demo", false, "compare on the built-in network and images instead")
	dataFlags(cmd, &s.DataOptions)
	f.StringSliceVar(&c.Agents, "agents", c.Agents, "`agents` to compare: joint, prune, quantize, uniform, random, evolution, dynamic, those ending in -iterative, quantize-3, and the sequences 'prune>quantize' and 'quantize>prune'")
	f.IntVar(&c.Seeds, "seeds", c.Seeds, "runs of each agent, with the seeds 1, 2, …")
	searchFlags(cmd, s)
	for _, given := range []string{"agent", "seed", "name"} { // the comparison gives them
		_ = f.MarkHidden(given)
	}
	f.StringVar(&plot, "plot", "", "write the best reward over the episodes to this SVG `file`")
	f.BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// held says why there can be no comparison in a store that another process holds.
func held(path string, locked error) error {
	client, err := holder(path, locked)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := free(client); err != nil {
		return err
	}
	return fmt.Errorf("process %d holds the store for a terminal that shows it: leave that one, or use another store with --db FILE", client.PID())
}
