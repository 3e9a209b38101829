// Package report prints what galen's commands found as tables for people, or as JSON.
package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"galen/engine"
	"galen/store"
	"galen/ui/plain"
)

// Runs lists runs, one a line.
func Runs(out io.Writer, runs []*store.Run) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tSTATE\tMODEL\tDEVICE\tEPISODES\tBEST\tCREATED")
	for _, r := range runs {
		best := "–"
		if b := r.Best; b != nil && b.Confirmed != nil {
			best = fmt.Sprintf("%.2f %% at %.3f×", 100*b.Confirmed.Accuracy, b.Confirmed.LatencyRatio)
		} else if b != nil {
			best = fmt.Sprintf("%.2f %% at %.3f×", 100*b.Accuracy, b.LatencyRatio)
		}
		plain.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d/%d\t%s\t%s\n", r.ID, r.Name, r.State, r.Model.Name, r.Device,
			r.Episodes, r.Budget, best, r.Created.Local().Format(time.DateTime))
	}
	return t.Flush()
}

// Episode prints a run and the policy of one of its episodes; nil: none has finished.
func Episode(out io.Writer, s *engine.Snapshot, e *store.Episode) error {
	plain.Fprintf(out, "run %s (%s): %s, %s agent, target %.3g×, %s, %d of %d episodes\n", s.Run.Name, s.Run.ID,
		s.Run.Model.Name, s.Settings.Agent, s.Settings.Target, s.State, len(s.Episodes), s.Settings.Episodes)
	if s.Problem != "" {
		plain.Fprintf(out, "problem: %s\n", s.Problem)
	}
	if s.Device.Device != "" {
		plain.Fprintf(out, "device: %s\n", s.Device)
	}
	if b := s.Settings.Base; b != nil {
		plain.Fprintf(out, "starts from: %s\n", b)
	}
	if r := s.Reference; r != nil {
		plain.Fprintf(out, "reference: %.2f %% top-1, %.3f ms, %.1f M MACs\n", 100*r.Accuracy, r.LatencyMS, float64(r.MACs)/1e6)
	}
	if e == nil {
		_, err := fmt.Fprintln(out, "no episode has finished yet")
		return err
	}
	plain.Fprintf(out, "episode %d: %.2f %% top-1, %.3f ms ± %.3f, %.3f×, %.1f M MACs, reward %+.3f\n", e.Number,
		100*e.Accuracy, e.LatencyMS, e.LatencyMAD, e.LatencyRatio, float64(e.MACs)/1e6, e.Reward)
	if len(e.Flags) > 0 {
		plain.Fprintf(out, "the measurement was %s\n", strings.Join(e.Flags, ", "))
	}
	if c := e.Confirmed; c != nil {
		fmt.Fprint(out, "confirmed: ")
		if c.Images > 0 {
			plain.Fprintf(out, "%.2f %% top-1 on %d other images, ", 100*c.Accuracy, c.Images)
		}
		plain.Fprintf(out, "%.3f ms ± %.3f, %.3f× ± %.3f\n", c.LatencyMS, c.LatencyMAD, c.LatencyRatio, c.RatioError)
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nLAYER\tCHANNELS\tSPARSITY\tW\tA\tKERNEL\tMS")
	for _, l := range e.Layers {
		kernel, ms := "–", "–" // a device may not tell
		if l.Kernel != "" {
			kernel, ms = l.Kernel, fmt.Sprintf("%.3f", l.MS)
		}
		plain.Fprintf(t, "%s\t%d/%d\t%.0f %%\t%d\t%d\t%s\t%s\n", l.Name, l.Kept, l.Channels, 100*l.Sparsity,
			l.WeightBits, l.ActivationBits, kernel, ms)
	}
	return t.Flush()
}
