package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"galen/engine/remote"
	"galen/engine/steering"
	"galen/ui"
	"galen/ui/plain"
	"galen/ui/report"
)

func steerCommand() *cobra.Command {
	var verbs strings.Builder
	for _, v := range steering.Verbs() {
		fmt.Fprintf(&verbs, "\n  %-52s %s", strings.TrimSpace(v.Name+" "+v.Takes), v.Does)
	}
	return &cobra.Command{
		Use:   "steer RUN COMMAND",
		Short: "Give a running search a command: pause it, change its target, pin a layer, …",
		Long: `Give a running search a command, from any terminal. It takes effect at the next step, is
written to the run's journal and printed with what it changed. Commands:
` + verbs.String(),
		Example: `  galen steer demo target 0.3
  galen steer demo beta -3
  galen steer demo pin /layer1/conv1/Conv sparsity=0.5 weights=4 activations=8
  galen steer demo pause`,
		DisableFlagParsing: true, // parseSteer does it
		RunE: func(cmd *cobra.Command, words []string) error {
			arguments, err := parseSteer(cmd, words)
			if err != nil {
				return err
			}
			if help, _ := cmd.Flags().GetBool("help"); help {
				return cmd.Help()
			}
			if len(arguments) < 2 {
				return errors.New("steer takes a run and a command, like galen steer demo target 0.3; see galen steer --help")
			}
			command, err := steering.Parse(strings.Join(arguments[1:], " "))
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
				return fmt.Errorf("nothing is being searched in %s; go on with a run by: %s", path, suggested("resume", arguments[0]))
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
				return fmt.Errorf("run %s is %s, not being searched; go on with it by: %s", run.Name, run.State, suggested("resume", run.Name))
			}
			if err := client.Send(cmd.Context(), command); err != nil {
				return err
			}
			return acknowledged(cmd.Context(), cmd.OutOrStdout(), client, command)
		},
	}
}

// parseSteer takes the flags from a command's words and returns the others, negative numbers among
// them, which pflag would take for flags if they did not begin with a blank.
func parseSteer(cmd *cobra.Command, words []string) ([]string, error) {
	words = slices.Clone(words)
	for i, word := range words {
		if _, err := strconv.ParseFloat(word, 64); err == nil && word[0] == '-' {
			words[i] = " " + word
		}
	}
	cmd.DisableFlagParsing = false
	if err := cmd.ParseFlags(words); err != nil {
		return nil, err
	}
	return cmd.Flags().Args(), nil
}

// acknowledged prints what a command did: what the journal says of it, or the table it asked for.
func acknowledged(ctx context.Context, out io.Writer, client *remote.Client, c steering.Command) error {
	s, err := client.Wait(ctx, 0)
	if err != nil {
		return err
	}
	if c.Kind == steering.Cost {
		return report.Costs(out, c.Name, s.Costs[c.Name])
	}
	for i := len(s.Journal) - 1; i >= 0; i-- {
		// The entry of undo holds the command that it came to.
		if e := s.Journal[i]; e.Command == c.String() || c.Kind == steering.Undo && e.Undoes > 0 {
			did := e.Command
			if e.Effect != "" {
				did += ": " + e.Effect
			}
			plain.Fprintf(out, "%s, from episode %d\n", did, e.Episode)
			break
		}
	}
	return nil
}
