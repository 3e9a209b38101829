package ui

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"

	"galen/engine"
)

// look is how things are drawn on this terminal: inks for roles and the symbols its
// locale can show. It is resolved once, before the program owns the terminal.
type look struct {
	ascii bool

	plain, strong, dim, rule ink
	accent, good, warn, bad  ink
	bar, curve, cursor, key  ink

	cursorMark, stepMark, bestMark, pinMark           string
	frontMark, rivalMark, chosenMark, upright, corner string
	ruleDone, ruleHead, ruleRest                      string
	axis, guide                                       string
}

// ink is a style reduced to the control sequences around a run of text. Rendering
// through lipgloss cell by cell would cost milliseconds per frame.
type ink struct{ on, off string }

func (k ink) paint(text string) string {
	if k.on == "" || text == "" {
		return text
	}
	return k.on + text + k.off
}

func newLook(r *lipgloss.Renderer, ascii bool) *look {
	colour := func(light, dark string) lipgloss.Style {
		return r.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: light, Dark: dark})
	}
	l := &look{
		ascii:  ascii,
		strong: newInk(r.NewStyle().Bold(true)),
		dim:    newInk(colour("242", "245")),
		rule:   newInk(colour("250", "239")),
		accent: newInk(colour("25", "117")),
		good:   newInk(colour("28", "114")),
		warn:   newInk(colour("130", "215")),
		bad:    newInk(colour("160", "203")),
		bar:    newInk(colour("67", "67")),
		curve:  newInk(colour("97", "139")),
		key:    newInk(colour("25", "117").Bold(true)),
		cursor: newInk(r.NewStyle().Bold(true).
			Foreground(lipgloss.AdaptiveColor{Light: "232", Dark: "231"}).
			Background(lipgloss.AdaptiveColor{Light: "253", Dark: "237"})),

		cursorMark: "▸", stepMark: "●", bestMark: "★", pinMark: "⚑", frontMark: "◆", rivalMark: "○", chosenMark: "◉", upright: "┊", corner: "└",
		ruleDone: "━", ruleHead: "╸", ruleRest: "─",
		axis: "┤", guide: "┄",
	}
	if ascii {
		l.cursorMark, l.stepMark, l.bestMark = ">", "*", "B" // what is marked has the star
		l.frontMark, l.rivalMark, l.chosenMark = "#", "o", "@"
		l.upright, l.corner = ":", "+"
		l.ruleDone, l.ruleHead, l.ruleRest = "=", ">", "-"
		l.axis, l.guide = "|", "-"
	}
	return l
}

// newInk takes the sequences a style puts around text. Where the terminal has no
// colours there are none.
func newInk(s lipgloss.Style) ink {
	on, off, found := strings.Cut(s.Render("x"), "x")
	if !found {
		return ink{}
	}
	return ink{on, off}
}

// stateLook is the symbol and ink of a run's state; the word always stands beside it.
func (l *look) stateLook(s engine.State) (symbol string, k ink) {
	type appearance struct {
		symbol, ascii string
		ink           ink
	}
	a, ok := map[engine.State]appearance{
		engine.Preparing: {"◌", "~", l.accent},
		engine.Running:   {"▶", ">", l.good},
		engine.Stepping:  {"▶", ">", l.good},
		engine.Paused:    {"‖", "|", l.warn},
		engine.Finished:  {"✓", "+", l.good},
		engine.Stopped:   {"■", "#", l.dim},
		engine.Failed:    {"✗", "!", l.bad},
	}[s]
	switch {
	case !ok:
		return " ", l.plain
	case l.ascii:
		return a.ascii, a.ink
	}
	return a.symbol, a.ink
}

// unicodeTerminal tells whether the terminal can show blocks and braille, from the
// locale and the terminal's name.
func unicodeTerminal(env func(string) string) bool {
	switch env("TERM") {
	case "linux", "dumb": // the console's font has no braille
		return false
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first one set decides, as in setlocale(3)
		if v := strings.ToUpper(env(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}

var asciiSymbols = map[rune]byte{
	'×': 'x', '·': '-', '→': '>', '−': '-', '±': '~', '…': '~', '≡': '=', '≤': '<', '–': '-', '—': '-',
	'Δ': 'd', 'σ': 's', 'β': 'b', '─': '-', '│': '|', '╭': '+', '╮': '+', '╰': '+', '╯': '+',
	'↑': '^', '↓': 'v', '←': '<', '⚯': '&', '⚑': 'P', '⚠': '!', '“': '"', '”': '"', '’': '\'',
}

// asciiOnly replaces every character by as many ASCII ones as it is wide, so that a
// frame keeps its layout.
func asciiOnly(frame string) string {
	var b strings.Builder
	b.Grow(len(frame))
	for _, r := range frame {
		if r < 0x80 {
			b.WriteRune(r)
		} else if c, ok := asciiSymbols[r]; ok {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.Repeat("?", ansi.StringWidth(string(r))))
		}
	}
	return b.String()
}

// simpleWidth counts the cells of text that holds only characters one cell wide
// which nothing combines with: Latin, boxes, blocks, braille. Nearly all text here is
// of that kind, and finding grapheme clusters in it would take most of a frame's time.
func simpleWidth(text string) (cells int, simple bool) {
	for _, r := range text {
		if r < 0x20 || r > 0x7e && r < 0xa0 || r == 0xad || r >= 0x300 && (r < 0x2500 || r > 0x259f) && (r < 0x2800 || r > 0x28ff) {
			return 0, false
		}
		cells++
	}
	return cells, true
}

// span is how many cells text takes.
func span(text string) int {
	if n, simple := simpleWidth(text); simple {
		return n
	}
	return ansi.StringWidth(text)
}
