package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"galen/engine"
	"galen/engine/wholefile"
)

// The plot's size and the frame of its axes, pixels.
const (
	plotWidth, plotHeight                    = 720, 420
	plotLeft, plotRight, plotTop, plotBottom = 64, 600, 24, 372
)

// plotColours tell agents apart, for the colour-blind too (Okabe and Ito 2008).
var plotColours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}

// PlotRewards writes an SVG file: each agent's best reward so far over the episodes, the
// mean of its seeds in a band of ± one standard deviation.
func PlotRewards(path string, c *engine.Compared) error {
	return wholefile.Write(path, rewardsPlot(c))
}

func rewardsPlot(c *engine.Compared) []byte {
	means, deviations := make([][]float64, len(c.Agents)), make([][]float64, len(c.Agents))
	episodes := 1
	low, high := math.Inf(1), math.Inf(-1)
	for a, agent := range c.Agents {
		for e := range len(agent.Runs[0].Rewards) {
			mean, deviation := moments(agent.Runs, func(r engine.RunResult) float64 { return r.Rewards[min(e, len(r.Rewards)-1)] })
			means[a], deviations[a] = append(means[a], mean), append(deviations[a], deviation)
		}
		n := len(means[a])
		episodes = max(episodes, n)
		// The first quarter may start far down; it must not flatten what matters.
		if n > 0 {
			low, high = min(low, means[a][n/4]-deviations[a][n/4]), max(high, means[a][n-1]+deviations[a][n-1])
		}
	}
	if !(high > low) {
		low, high = low-0.5, low+0.5
	}
	x := func(e int) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(e)/float64(max(episodes-1, 1))
	}
	y := func(reward float64) float64 {
		return plotBottom - (plotBottom-plotTop)*(min(max(reward, low), high)-low)/(high-low)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	const ticks = 4
	for i := range ticks + 1 {
		reward := low + (high-low)*float64(i)/ticks
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.2f</text>`+"\n",
			plotLeft, y(reward), plotRight, plotLeft-6, y(reward)+4, reward)
		e := (episodes - 1) * i / ticks
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(e), plotBottom+18, e+1)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">episode</text><text x="%d" y="14">best reward so far</text>`+"\n",
		(plotLeft+plotRight)/2, plotBottom+38, plotLeft)
	for a, agent := range c.Agents {
		colour := plotColours[a%len(plotColours)]
		var line, upper, lower []string
		for e, mean := range means[a] {
			line = append(line, fmt.Sprintf("%.1f,%.1f", x(e), y(mean)))
			upper = append(upper, fmt.Sprintf("%.1f,%.1f", x(e), y(mean+deviations[a][e])))
			back := len(means[a]) - 1 - e
			lower = append(lower, fmt.Sprintf("%.1f,%.1f", x(back), y(means[a][back]-deviations[a][back])))
		}
		fmt.Fprintf(&b, `<polygon points="%s %s" fill="%s" fill-opacity="0.15"/>`+"\n", strings.Join(upper, " "), strings.Join(lower, " "), colour)
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(line, " "), colour)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotRight+12, plotTop+16*(a+1), colour, agent.Agent)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
