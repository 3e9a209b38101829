package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// ink is how text is drawn.
type ink struct {
	colour, background string // as SVG; empty: the default
	bold               bool
}

// compare puts inks into some order.
func (k ink) compare(other ink) int {
	return strings.Compare(fmt.Sprint(k), fmt.Sprint(other))
}

// piece is something to draw: a few words, neighbouring symbols of one kind, or, without
// any text, what is behind a stretch of a line.
type piece struct {
	row, column, cells int
	ink                ink
	text               string
}

// pieces takes a screen apart. Inks go on over the ends of lines.
func pieces(screen string) []piece {
	var out []piece
	var now ink
	for row, line := range strings.Split(screen, "\n") {
		column, behind := 0, piece{row: row}
		put := func(text string) {
			n := ansi.StringWidth(text)
			if strings.TrimSpace(text) != "" {
				out = append(out, piece{row, column, n, ink{colour: now.colour, bold: now.bold}, text})
			}
			if now.background != behind.ink.background {
				out = append(out, behind)
				behind = piece{row: row, column: column, ink: ink{background: now.background}}
			}
			column += n
			behind.cells = column - behind.column
		}
		for line != "" {
			plain, rest, sequence := strings.Cut(line, "\x1b[")
			for _, text := range parts(plain) {
				put(text)
			}
			if !sequence {
				break
			}
			var codes string
			codes, line, _ = strings.Cut(rest, "m")
			now.change(strings.Split(codes, ";"))
		}
		out = append(out, behind)
	}
	return slices.DeleteFunc(out, func(p piece) bool { return p.text == "" && p.ink.background == "" })
}

// parts cuts text where pieces begin and end, blanks included: between words that are at
// least two blanks apart, and around shapes and symbols, which are not as wide as a letter
// in every font.
func parts(text string) []string {
	runes := []rune(text)
	kinds := make([]kind, len(runes))
	for i, r := range runes {
		kinds[i] = kindOf(r)
	}
	for i := 1; i+1 < len(kinds); i++ {
		if kinds[i] == blank && kinds[i-1] == letter && kindOf(runes[i+1]) == letter {
			kinds[i] = letter
		}
	}
	var out []string
	for from := 0; from < len(runes); {
		to := from + 1
		for to < len(runes) && kinds[to] == kinds[from] && kinds[to] != symbol {
			to++
		}
		out = append(out, string(runes[from:to]))
		from = to
	}
	return out
}

// kind tells how a character is drawn.
type kind int

const (
	blank kind = iota
	letter
	symbol // text that stands alone
	solid  // a filled shape
	dots   // braille
	dashes
)

func kindOf(r rune) kind {
	switch {
	case r == ' ', r == 0x2800:
		return blank
	case r > 0x2800 && r <= 0x28ff:
		return dots
	case r == '┄':
		return dashes
	case strings.ContainsRune(drawn, r):
		return solid
	case r >= 0x2500:
		return symbol
	}
	return letter
}

// change reads the numbers of a control sequence for inks.
func (k *ink) change(codes []string) {
	for i := 0; i < len(codes); i++ {
		switch codes[i] {
		case "0", "":
			*k = ink{}
		case "1":
			k.bold = true
		case "22":
			k.bold = false
		case "39":
			k.colour = ""
		case "49":
			k.background = ""
		case "38", "48":
			if i+2 >= len(codes) {
				return
			}
			if colour := palette(codes[i+2]); codes[i] == "38" {
				k.colour = colour
			} else {
				k.background = colour
			}
			i += 2
		}
	}
}

// palette is a colour of the 256 by xterm's rule: a cube of six levels, then greys.
func palette(code string) string {
	n, err := strconv.Atoi(code)
	if err != nil || n < 16 {
		return ""
	}
	if n >= 232 {
		grey := 8 + 10*(n-232)
		return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey)
	}
	part := func(i int) int {
		if i == 0 {
			return 0
		}
		return 55 + 40*i
	}
	n -= 16
	return fmt.Sprintf("#%02x%02x%02x", part(n/36), part(n/6%6), part(n%6))
}
