package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"galen/engine"
	"galen/ui/plain"
)

// Timing prints where the time of a run's episodes went.
func Timing(out io.Writer, s *engine.Snapshot) error {
	t := engine.TimingOf(s.Episodes)
	if t.Episodes == 0 {
		_, err := plain.Fprintf(out, "run %s (%s) has no episodes whose times were taken\n", s.Run.Name, s.Run.ID)
		return err
	}
	plain.Fprintf(out, "run %s (%s): time of %d episodes, in seconds\n", s.Run.Name, s.Run.ID, t.Episodes)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nPART\tMEAN\tP95\tSHARE")
	for _, p := range t.Phases {
		plain.Fprintf(table, "%s\t%.3f\t%.3f\t%.1f %%\n", p.Name, p.Mean, p.P95, 100*p.Share)
	}
	plain.Fprintf(table, "episode\t%.3f\t%.3f\t\n", t.Mean, t.P95)
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := plain.Fprintf(out, "\nthe agent itself, deciding and learning: %.1f %%\n", 100*t.Agent)
	return err
}
