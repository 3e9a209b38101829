package ui

import (
	"math"
	"slices"
	"strings"
)

// series is a row of n numbers, read by index so that long histories are not copied.
type series struct {
	n  int
	at func(i int) float64
}

// buckets reduces a series to at most n numbers: means of equally long stretches.
// Shorter series stay as they are.
func (s series) buckets(n int) []float64 {
	out := make([]float64, 0, max(0, min(n, s.n)))
	if s.n <= n {
		for i := range s.n {
			out = append(out, s.at(i))
		}
		return out
	}
	for b := range n {
		from, to := b*s.n/n, (b+1)*s.n/n
		sum := 0.0
		for i := from; i < to; i++ {
			sum += s.at(i)
		}
		out = append(out, sum/float64(to-from))
	}
	return out
}

// numbersOf are a few numbers as a series.
func numbersOf(x []float64) series { return series{len(x), func(i int) float64 { return x[i] }} }

// bounds are the least and greatest finite value; ok is false if there is none.
func (s series) bounds() (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range s.n {
		if v := s.at(i); finite(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high, low <= high
}

// most is the greatest finite value; NaN if there is none.
func (s series) most() float64 {
	if _, high, ok := s.bounds(); ok {
		return high
	}
	return math.NaN()
}

// mostly are the bounds of a series but for outliers: a twentieth of the values, at either end, that
// would take more than half of a chart from all others. Few values have none.
func (s series) mostly() (low, high float64, ok bool) {
	values := make([]float64, 0, s.n)
	for i := range s.n {
		if v := s.at(i); finite(v) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, 0, false
	}
	slices.Sort(values)
	low, high = values[0], values[len(values)-1]
	beyond := len(values) / 20
	if inner := values[beyond]; high-inner < (high-low)/2 {
		low = inner
	}
	if inner := values[len(values)-1-beyond]; inner-low < (high-low)/2 {
		high = inner
	}
	return low, high, true
}

// level maps v in [low, high] to 0 … n−1.
func level(v, low, high float64, n int) int {
	if !(high > low) || math.IsNaN(v) {
		return 0
	}
	return int(math.Round(max(0, min(1, (v-low)/(high-low))) * float64(n-1)))
}

var (
	blockRamp = []rune("▁▂▃▄▅▆▇█")
	asciiRamp = []rune("_.-:=+*#")
	eighths   = []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}
)

func (l *look) ramp() []rune {
	if l.ascii {
		return asciiRamp
	}
	return blockRamp
}

// sparkline draws at most width values as bars one line high. Values that are not
// finite are left blank.
func (l *look) sparkline(values []float64, low, high float64, width int) string {
	ramp := l.ramp()
	var b strings.Builder
	for _, v := range numbersOf(values).buckets(width) {
		if !finite(v) {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(ramp[level(v, low, high, len(ramp))])
	}
	return b.String()
}

// meter draws a share in [0,1] as a bar of at most width cells, padded to width.
func (l *look) meter(part float64, width int) string {
	if !finite(part) {
		part = 0
	}
	n := int(math.Round(max(0, min(1, part)) * float64(8*width)))
	if n == 0 && part > 0 {
		n = 1
	}
	full, rest := n/8, n%8
	bar, used := "", full
	switch {
	case l.ascii:
		if rest >= 4 || (full == 0 && rest > 0) {
			used++
		}
		bar = strings.Repeat("#", used)
	case rest > 0:
		bar, used = strings.Repeat("█", full)+eighths[rest], full+1
	default:
		bar = strings.Repeat("█", full)
	}
	return bar + strings.Repeat(" ", width-used)
}

// plot is a small chart of a series over time.
type plot struct {
	width, height int // cells
	low, high     float64
	mark          float64 // value of a guide line; NaN: none
	filled        bool    // the area below the curve, not only the curve
	dots          bool    // single points: the series jumps
	curve, guide  ink
}

// brailleDots are the bits of a braille cell's dots by column and row from the bottom.
var brailleDots = [2][4]byte{{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}}

// rows draws the chart, top row first; each row is exactly width cells.
func (p plot) rows(l *look, s series) []string {
	if p.width < 1 || p.height < 1 {
		return nil
	}
	columns := 2 * p.width // dot columns; ASCII uses every second one
	step := 1
	if l.ascii || s.n <= p.width {
		step = 2 // a short history would otherwise huddle in the corner
	}
	values := s.buckets(columns / step)
	dots := make([][]byte, p.height) // by row from the bottom
	for r := range dots {
		dots[r] = make([]byte, p.width)
	}
	levels := 4 * p.height
	previous := -1
	for i, v := range values {
		if !finite(v) {
			previous = -1
			continue
		}
		y := level(v, p.low, p.high, levels)
		from, to := y, y
		switch {
		case p.dots:
		case p.filled:
			from = 0
		case previous >= 0 && previous < y-1:
			from = previous + 1 // close the gap to the previous point
		case previous > y+1:
			to = previous - 1
		}
		for x := i * step; x < (i+1)*step; x++ {
			for d := from; d <= to; d++ {
				dots[d/4][x/2] |= brailleDots[x%2][d%4]
			}
			if !p.filled {
				from, to = y, y // the gap is closed once
			}
		}
		previous = y
	}
	guideRow := -1
	if finite(p.mark) && p.mark >= p.low && p.mark <= p.high {
		guideRow = level(p.mark, p.low, p.high, levels) / 4
	}
	out := make([]string, p.height)
	for r := range out {
		row := p.height - 1 - r
		var b line
		for x := 0; x < p.width; {
			start, empty := x, dots[row][x] == 0
			var run strings.Builder
			for ; x < p.width && (dots[row][x] == 0) == empty; x++ {
				switch {
				case !empty:
					run.WriteRune(l.dotCell(dots[row][x]))
				case row == guideRow:
					run.WriteString(l.guide)
				default:
					run.WriteByte(' ')
				}
			}
			k := p.curve
			if empty {
				k = p.guide
			}
			b.raw(k.paint(run.String()), x-start)
		}
		out[r] = b.b.String()
	}
	return out
}

// dotCell is a braille cell, or the ASCII character nearest to its upper edge.
func (l *look) dotCell(dots byte) rune {
	if !l.ascii {
		return 0x2800 + rune(dots)
	}
	switch {
	case dots == 0xff:
		return '#'
	case dots&0x09 != 0:
		return '\''
	case dots&0x12 != 0:
		return '-'
	case dots&0x24 != 0:
		return '.'
	}
	return '_'
}
