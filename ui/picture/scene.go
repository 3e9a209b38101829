package picture

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// scene are the pieces that are seen in the same frames.
type scene struct {
	frames []int // ascending
	pieces []piece
}

// scenes sorts the pieces of all frames by when they are seen.
func scenes(frames []Frame) []*scene {
	seen := map[piece][]int{}
	for i, f := range frames {
		for _, p := range pieces(f.Text) {
			if at := seen[p]; len(at) == 0 || at[len(at)-1] != i {
				seen[p] = append(at, i)
			}
		}
	}
	byFrames := map[string]*scene{}
	for p, at := range seen {
		name := fmt.Sprint(at)
		if byFrames[name] == nil {
			byFrames[name] = &scene{frames: at}
		}
		byFrames[name].pieces = append(byFrames[name].pieces, p)
	}
	var out []*scene
	for _, s := range byFrames {
		slices.SortFunc(s.pieces, func(a, b piece) int {
			return cmp.Or(a.ink.compare(b.ink), cmp.Compare(a.row, b.row), cmp.Compare(a.column, b.column))
		})
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *scene) int { return slices.Compare(a.frames, b.frames) })
	return out
}

func (s *scene) always(frames int) bool { return len(s.frames) == frames }

func (s *scene) seen(frame int) bool {
	_, found := slices.BinarySearch(s.frames, frame)
	return found
}

// content draws the pieces, or what is behind them.
func (s *scene) content(behind bool) string {
	var b strings.Builder
	for from := 0; from < len(s.pieces); {
		to := from + 1
		for to < len(s.pieces) && s.pieces[to].ink == s.pieces[from].ink {
			to++
		}
		if behind {
			b.WriteString(backgrounds(s.pieces[from:to]))
		} else {
			b.WriteString(foregrounds(s.pieces[from:to]))
		}
		from = to
	}
	return b.String()
}

// backgrounds draws what is behind pieces of one ink.
func backgrounds(pieces []piece) string {
	if pieces[0].ink.background == "" {
		return ""
	}
	var path strings.Builder
	for _, p := range pieces {
		fmt.Fprintf(&path, "M%d %dh%dv%dh-%dz", p.column*cellWidth, p.row*cellHeight, p.cells*cellWidth, cellHeight, p.cells*cellWidth)
	}
	return fmt.Sprintf(`<path fill="%s" d="%s"/>`, pieces[0].ink.background, path.String())
}

// foregrounds draws pieces of one ink. Rules, blocks and braille dots, which meet in few
// fonts, are shapes; all of them make one path of each kind.
func foregrounds(pieces []piece) string {
	var texts strings.Builder
	var s shapes
	for _, p := range pieces {
		if p.text == "" || s.add(p) {
			continue
		}
		fmt.Fprintf(&texts, `<text x="%d" y="%d"`, p.column*cellWidth, p.row*cellHeight+13)
		switch {
		case kindOf([]rune(p.text)[0]) == symbol: // from another font, as wide as that likes
			fmt.Fprintf(&texts, ` textLength="%d" lengthAdjust="spacingAndGlyphs"`, p.cells*cellWidth)
		case p.cells > 7: // so that long ones end where they should in any font
			fmt.Fprintf(&texts, ` textLength="%d"`, p.cells*cellWidth)
		}
		texts.WriteByte('>')
		_ = xml.EscapeText(&texts, []byte(p.text)) // a Builder takes everything
		texts.WriteString("</text>")
	}
	content := s.paths(pieces[0].ink.colour) + texts.String()
	if content == "" {
		return ""
	}
	weight := ""
	if pieces[0].ink.bold {
		weight = ` font-weight="bold"`
	}
	colour := ""
	if c := pieces[0].ink.colour; c != "" {
		colour = fmt.Sprintf(` fill="%s"`, c)
	}
	if colour+weight == "" {
		return content
	}
	return "<g" + colour + weight + ">" + content + "</g>"
}
