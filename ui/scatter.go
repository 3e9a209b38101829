package ui

import (
	"fmt"
	"math"
	"strings"

	"galen/store"
)

// scatter is a chart of accuracy against latency: every episode a dot, the Pareto front
// and the one under the cursor marked.
type scatter struct {
	width, height int // cells, axes included
	target        float64
	reference     float64          // accuracy of the uncompressed model; NaN: unknown
	rival         []*store.Episode // of another front, drawn over this one; they count among all
}

const scatterLabel = 6 // cells before the axis

// rows draws the chart, top row first.
func (p scatter) rows(l *look, all, front []*store.Episode, at, best *store.Episode) []string {
	width, height := p.width-scatterLabel-2, p.height-2
	if width < 10 || height < 3 {
		return nil
	}
	x0, x1 := scale(episodes(all).latency(), 0.1, p.target)
	y0, y1 := scale(episodes(all).accuracy(), 0.05, p.reference, episodes(all).accuracy().most())
	y1 = min(y1, 1)
	dots := make([][]byte, height) // by row from the bottom
	for r := range dots {
		dots[r] = make([]byte, width)
	}
	for _, e := range all {
		x, y := level(e.LatencyRatio, x0, x1, 2*width), level(e.Accuracy, y0, y1, 4*height)
		dots[y/4][x/2] |= brailleDots[x%2][y%4]
	}
	type mark struct {
		text string
		ink  ink
	}
	marks := map[[2]int]mark{}
	put := func(e *store.Episode, text string, k ink) {
		if e != nil {
			marks[[2]int{level(e.LatencyRatio, x0, x1, 2*width) / 2, level(e.Accuracy, y0, y1, 4*height) / 4}] = mark{text, k}
		}
	}
	for _, e := range front {
		put(e, l.frontMark, l.accent)
	}
	for _, e := range p.rival {
		put(e, l.rivalMark, l.good)
	}
	put(best, l.bestMark, l.good)
	put(at, l.chosenMark, l.warn)
	targetAt := level(p.target, x0, x1, 2*width) / 2
	referenceAt := -1
	if finite(p.reference) {
		referenceAt = level(p.reference, y0, y1, 4*height) / 4
	}
	var out []string
	for r := height - 1; r >= 0; r-- {
		label := ""
		switch r {
		case height - 1:
			label = fmt.Sprintf("%.0f %%", 100*y1)
		case 0:
			label = fmt.Sprintf("%s%.0f %%", reaching(episodes(all).accuracy(), y0), 100*y0)
		case height / 2:
			label = "top-1"
		}
		var b line
		b.put(l.dim, fit(label, scatterLabel, true)+" ").put(l.rule, l.axis)
		for x := range width {
			m, marked := marks[[2]int{x, r}]
			switch {
			case marked:
				b.put(m.ink, m.text)
			case dots[r][x] != 0:
				b.put(l.curve, string(l.dotCell(dots[r][x])))
			case x == targetAt:
				b.put(l.warn, l.upright)
			case r == referenceAt:
				b.put(l.dim, l.guide)
			default:
				b.put(ink{}, " ")
			}
		}
		out = append(out, b.cut(p.width))
	}
	var axis, labels line
	axis.put(ink{}, strings.Repeat(" ", scatterLabel+1)).put(l.rule, l.corner+repeat(l.ruleRest, width))
	target := fmt.Sprintf("%.2f", p.target)
	labels.to(scatterLabel+2).put(l.dim, fmt.Sprintf("%.1f", x0))
	if from := scatterLabel + 2 + targetAt - span(target)/2; from > labels.width && from+span(target)+6 < p.width {
		labels.to(from).put(l.warn, target)
	}
	end := fmt.Sprintf("%.1f ×", x1)
	labels.to(p.width-span(end)).put(l.dim, end)
	return append(out, axis.cut(p.width), labels.cut(p.width))
}

// unknownAccuracy stands for a reference that has not been evaluated.
var unknownAccuracy = math.NaN()
