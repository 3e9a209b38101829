// Package picture draws what a terminal shows as SVG: one screen as a still picture, or
// many as a film that plays by CSS alone, wherever a browser shows images.
package picture

import (
	"fmt"
	"strings"
	"time"
)

// Cells of a picture, in pixels.
const (
	cellWidth  = 8
	cellHeight = 17
	border     = 10
)

// Frame is a screen of a film: text with the control sequences of its inks.
type Frame struct {
	Text  string
	Lasts time.Duration
}

// Still draws one screen.
func Still(text string, width, height int) string {
	return draw([]Frame{{Text: text}}, width, height, 0)
}

// Film draws screens that follow each other, over and over. Where nothing moves, because
// the viewer cannot or the person does not want it to, the poster is shown.
//
// A screen is taken apart into pieces of one ink, and each piece is drawn once, with the
// times at which it is seen: most of a screen is the same on the next one.
func Film(frames []Frame, width, height, poster int) string {
	return draw(frames, width, height, poster)
}

func draw(frames []Frame, width, height, poster int) string {
	var b strings.Builder
	w, h := width*cellWidth+2*border, height*cellHeight+2*border
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="ui-monospace,Menlo,'Cascadia Mono','DejaVu Sans Mono',Consolas,monospace" font-size="13" fill="#d0d0d0">`+"\n", w, h)
	groups := scenes(frames)
	b.WriteString(style(groups, frames, poster))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#16181d"/><g transform="translate(%d %d)">`+"\n", w, h, border, border)
	for _, behind := range []bool{true, false} {
		for i, g := range groups {
			content := g.content(behind)
			switch {
			case content == "":
			case g.always(len(frames)):
				b.WriteString(content)
			case g.seen(poster):
				fmt.Fprintf(&b, `<g class="k p" style="animation-name:k%d">%s</g>`+"\n", i, content)
			default:
				fmt.Fprintf(&b, `<g class="k" style="animation-name:k%d">%s</g>`+"\n", i, content)
			}
		}
	}
	b.WriteString("</g></svg>\n")
	return b.String()
}

// style are the sheet's rules: when each scene is seen, and how dots are drawn.
func style(groups []*scene, frames []Frame, poster int) string {
	var b strings.Builder
	b.WriteString("<style>.d{stroke-width:2;stroke-dasharray:2}.e{stroke-dasharray:5 3}")
	starts := []time.Duration{0}
	for _, f := range frames {
		starts = append(starts, starts[len(starts)-1]+f.Lasts)
	}
	if all := starts[len(frames)]; all > 0 {
		fmt.Fprintf(&b, ".k{visibility:hidden;animation:%gs step-end infinite}.p{visibility:visible}@media(prefers-reduced-motion:reduce){.k{animation:none}}\n", all.Seconds())
		for i, g := range groups {
			if g.always(len(frames)) {
				continue
			}
			fmt.Fprintf(&b, "@keyframes k%d{", i)
			if g.frames[0] != 0 {
				b.WriteString("0%{visibility:hidden}")
			}
			for j, f := range g.frames {
				if j == 0 || g.frames[j-1] != f-1 {
					fmt.Fprintf(&b, "%.4g%%{visibility:visible}", 100*float64(starts[f])/float64(all))
				}
				if f+1 < len(frames) && (j+1 == len(g.frames) || g.frames[j+1] != f+1) {
					fmt.Fprintf(&b, "%.4g%%{visibility:hidden}", 100*float64(starts[f+1])/float64(all))
				}
			}
			b.WriteString("}\n")
		}
	}
	b.WriteString("</style>\n")
	return b.String()
}
