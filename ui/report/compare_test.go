package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"galen/engine"
)

func someComparison() *engine.Compared {
	run := func(accuracy float64, rewards ...float64) engine.RunResult {
		return engine.RunResult{Accuracy: accuracy, Others: accuracy / 2, Reserve: 100, Rewards: rewards, Volume: 0.5, Elapsed: 3 * time.Second}
	}
	return &engine.Compared{Settings: engine.DefaultSettings(), Agents: []engine.AgentResults{
		{Agent: "joint", Runs: []engine.RunResult{run(0.8, -2, -1, 0.2, 0.6), run(0.9, -3, -2, 0.4, 0.8)}},
		{Agent: "dynamic", Runs: []engine.RunResult{run(0.6188, -1), run(0.6188, -1), run(0.6188, -1)}},
		{Agent: "uniform", Runs: []engine.RunResult{{Accuracy: 0.7, Rewards: []float64{-1}}}},
		{Agent: "random", Runs: []engine.RunResult{run(0, -4, -4, -4, -3), run(0.3, -4, -3, -3, -2)}},
	}}
}

func TestCompare(t *testing.T) {
	var out bytes.Buffer
	if err := Compare(&out, someComparison()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for agent, wants := range map[string][]string{
		lines[3]: {"joint", " 2  ", "85.00 ± 7.1 %", "42.50 ± 3.5 %", "-2.500 ± 0.71", "-1.500 ± 0.71", "+0.300 ± 0.14", "+0.700 ± 0.14", "0.500 ± 0"},
		lines[4]: {"dynamic", " 3  ", "61.88 ± 0 %"},
		lines[5]: {"uniform", "70.00 %", " –  "},
		lines[6]: {"random", " 1  ", "15.00 ± 21 %", "-2.500 ± 0.71"},
	} {
		for _, want := range wants {
			if !strings.Contains(agent, want) {
				t.Errorf("%q is missing in %q", want, agent)
			}
		}
	}
}

func TestRewardsPlotIsXML(t *testing.T) {
	one := someComparison()
	one.Agents[0].Runs = one.Agents[0].Runs[:1]
	one.Agents[1].Runs = []engine.RunResult{{Rewards: []float64{0.7}}}
	for _, c := range []*engine.Compared{someComparison(), one} {
		plot := rewardsPlot(c)
		if bytes.Contains(plot, []byte("NaN")) || bytes.Contains(plot, []byte("Inf")) {
			t.Errorf("the plot has points that are nowhere:\n%s", plot)
		}
		lines := 0
		for d := xml.NewDecoder(bytes.NewReader(plot)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
				lines++
			}
		}
		if lines != len(c.Agents) {
			t.Errorf("%d lines are drawn for %d agents", lines, len(c.Agents))
		}
	}
}
