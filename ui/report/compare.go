package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"

	"galen/engine"
	"galen/ui/plain"
)

// Compare prints how agents did, one a line: mean ± standard deviation over the seeds.
func Compare(out io.Writer, c *engine.Compared) error {
	s := c.Settings
	plain.Fprintf(out, "target %.3g×, %s, reward %s (β %g), %d episodes\n\n", s.Target, s.Device, s.Reward, s.Beta, s.Episodes)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "AGENT\tSEEDS\tMET\tBEST AT TARGET\tON OTHER IMAGES\tREWARD AT 25 %\t50 %\t75 %\t100 %\tHYPERVOLUME\tSECONDS")
	for _, a := range c.Agents {
		met, others := 0, "–"
		for _, r := range a.Runs {
			if r.Accuracy > 0 {
				met++
			}
		}
		if slices.ContainsFunc(a.Runs, func(r engine.RunResult) bool { return r.Reserve > 0 }) {
			others = spread(a, "%.2f", func(r engine.RunResult) float64 { return 100 * r.Others }) + " %"
		}
		plain.Fprintf(t, "%s\t%d\t%d\t%s %%\t%s", a.Agent, len(a.Runs), met,
			spread(a, "%.2f", func(r engine.RunResult) float64 { return 100 * r.Accuracy }), others)
		for quarter := 1; quarter <= 4; quarter++ {
			plain.Fprintf(t, "\t%s", spread(a, "%+.3f", func(r engine.RunResult) float64 {
				return r.Rewards[max((len(r.Rewards)*quarter+3)/4-1, 0)]
			}))
		}
		plain.Fprintf(t, "\t%s\t%s\n", spread(a, "%.3f", func(r engine.RunResult) float64 { return r.Volume }),
			spread(a, "%.0f", func(r engine.RunResult) float64 { return r.Elapsed.Seconds() }))
	}
	return t.Flush()
}

// CompareJSON prints every run's figures.
func CompareJSON(out io.Writer, c *engine.Compared) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(c)
}

// spread is the mean ± standard deviation of a figure over an agent's runs.
func spread(a engine.AgentResults, format string, figure func(engine.RunResult) float64) string {
	mean, deviation := moments(a.Runs, figure)
	text := fmt.Sprintf(format, mean)
	if len(a.Runs) > 1 {
		text += fmt.Sprintf(" ± %.2g", deviation)
	}
	return text
}

// moments are mean and sample standard deviation; what rounding alone makes of equal figures is 0.
func moments(runs []engine.RunResult, figure func(engine.RunResult) float64) (mean, deviation float64) {
	figures := make([]float64, len(runs))
	for i, r := range runs {
		figures[i] = figure(r)
	}
	mean, deviation = stat.MeanStdDev(figures, nil)
	if len(runs) < 2 || deviation < 1e-9*math.Abs(mean) {
		deviation = 0
	}
	return mean, deviation
}
