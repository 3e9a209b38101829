package picture

import (
	"fmt"
	"strings"
)

// drawn are the characters that are filled shapes.
const drawn = "─━╸┤│└╭╮╰╯┊▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▶▸◆■"

// shapes collects the shapes of one ink: filled ones, dots, and dashed lines.
type shapes struct {
	filled, dotted, dashed strings.Builder
}

// add takes a piece if it is made of shapes.
func (s *shapes) add(p piece) bool {
	x, y := p.column*cellWidth, p.row*cellHeight
	runes := []rune(p.text)
	switch kindOf(runes[0]) {
	case dots:
		s.dots(runes, x, y)
	case dashes:
		fmt.Fprintf(&s.dashed, "M%d %.1fh%d", x+1, float64(y)+8.5, len(runes)*cellWidth-3)
	case solid:
		for from := 0; from < len(runes); {
			to := from + 1
			for to < len(runes) && runes[to] == runes[from] && strings.ContainsRune("─━▁▂▃▄▅▆▇█", runes[from]) {
				to++
			}
			s.solid(runes[from], x+from*cellWidth, y, (to-from)*cellWidth)
			from = to
		}
	default:
		return false
	}
	return true
}

// dots draws braille: neighbouring dots of a row are one dashed line.
func (s *shapes) dots(cells []rune, x, y int) {
	bits := [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}
	heights := [4]int{2, 6, 11, 15}
	for row, height := range heights {
		run := 0
		for i := 0; i <= 2*len(cells); i++ {
			if i < 2*len(cells) && cells[i/2]&bits[row][i%2] != 0 {
				run++
				continue
			}
			if run > 0 {
				fmt.Fprintf(&s.dotted, "M%d %dh%d", x+1+4*(i-run), y+height, 4*run-2)
			}
			run = 0
		}
	}
}

// solid draws a character, or some of a kind, of a width.
func (s *shapes) solid(c rune, x, y, width int) {
	rectangle := func(x, y, w, h float64) {
		fmt.Fprintf(&s.filled, "M%.4g %.5gh%.4gv%.4gh-%.4gz", x, y, w, h, w)
	}
	left, top, wide := float64(x), float64(y), float64(width)
	middle := top + cellHeight/2
	switch {
	case c >= '▁' && c <= '█': // from below
		part := float64(c-'▁'+1) / 8 * cellHeight
		rectangle(left, top+cellHeight-part, wide, part)
	case c >= '▉' && c <= '▏': // from the left
		rectangle(left, top, float64('▏'-c+1)/8*cellWidth, cellHeight)
	case c == '─':
		rectangle(left, middle, wide, 1)
	case c == '━':
		rectangle(left, middle-.5, wide, 2)
	case c == '╸':
		rectangle(left, middle-.5, wide/2, 2)
	case c == '│':
		rectangle(left+4, top, 1, cellHeight)
	case c == '┊':
		rectangle(left+4, top+2, 1, 5)
		rectangle(left+4, top+10, 1, 5)
	case c == '┤':
		rectangle(left+4, top, 1, cellHeight)
		rectangle(left, middle, 4, 1)
	case c == '└', c == '╰':
		rectangle(left+4, top, 1, cellHeight/2+1)
		rectangle(left+4, middle, 4, 1)
	case c == '╭':
		rectangle(left+4, middle, 1, cellHeight/2+1)
		rectangle(left+4, middle, 4, 1)
	case c == '╮':
		rectangle(left+4, middle, 1, cellHeight/2+1)
		rectangle(left, middle, 5, 1)
	case c == '╯':
		rectangle(left+4, top, 1, cellHeight/2+1)
		rectangle(left, middle, 5, 1)
	case c == '▶':
		fmt.Fprintf(&s.filled, "M%d %dl8 5-8 5z", x, y+4)
	case c == '▸':
		fmt.Fprintf(&s.filled, "M%d %dl6 4-6 4z", x+1, y+5)
	case c == '◆':
		fmt.Fprintf(&s.filled, "M%d %dl4 5-4 5-4-5z", x+4, y+4)
	case c == '■':
		rectangle(left, top+5, 8, 8)
	}
}

// paths are the shapes collected, in a colour; empty: the default.
func (s *shapes) paths(colour string) string {
	if colour == "" {
		colour = "#d0d0d0"
	}
	out := ""
	if s.filled.Len() > 0 {
		out += fmt.Sprintf(`<path d="%s"/>`, s.filled.String())
	}
	if s.dotted.Len() > 0 {
		out += fmt.Sprintf(`<path class="d" stroke="%s" d="%s"/>`, colour, s.dotted.String())
	}
	if s.dashed.Len() > 0 {
		out += fmt.Sprintf(`<path class="e" stroke="%s" d="%s"/>`, colour, s.dashed.String())
	}
	return out
}
