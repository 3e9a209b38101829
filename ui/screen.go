package ui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"galen/engine"
	"galen/engine/steering"
	"galen/ui/plain"
)

// screen is one full view. It turns messages into state and keys into intents, and
// never calls the workbench.
type screen interface {
	SetSize(width, height int)
	Update(msg tea.Msg) intent
	View() []string      // exactly as many lines as its height
	Status() string      // a line about now, drawn above the footer; empty: none
	Keys() []keyGroup    // for footer and help
	Legend() [][2]string // symbols and what they mean, for help
	Typing() bool        // whether keys are text
}

// intent is what a key asks the root model to do; nil: nothing.
type intent any

type (
	openIntent    struct{ id string }
	demoIntent    struct{}
	resumeIntent  struct{ id string }
	reloadIntent  struct{}
	backIntent    struct{}
	commandIntent struct{ command steering.Command }
	failIntent    struct{ err error }
	askIntent     struct{ question question }
	galleryIntent struct {
		snap *engine.Snapshot
		at   int
	} // at: the episode to begin with
	formIntent struct{}
	forkIntent struct {
		id      string
		episode int    // the last one it shares; 0: all
		name    string // empty: one made from the run's
	}
	compareIntent struct{ ids [2]string }
	renameIntent  struct{ id, name string }
	deleteIntent  struct{ id string }
	startIntent   struct{ settings engine.Settings }
	checkupIntent struct{ settings engine.Settings }
	baseIntent    struct{ reference, model string } // look a policy to start from up: RUN or RUN:EPISODE, of the model in a file
	copyIntent    struct{ text, what string }       // to the clipboard
	inspectIntent struct{ of *dashboard }
	journalIntent struct{ of *dashboard }
	deviceIntent  struct{ of *dashboard }
	logIntent     struct{}
	showIntent    struct{ episode, against int } // in the dashboard; against 0: as usual
	exportIntent  struct {
		run     string
		episode int
		path    string
	}
)

// question is a box that waits for one of its answers or no, or, without any, for any key.
type question struct {
	title   string
	text    string
	answers []answer // none: the box only tells something
}

// answer is a key and what it brings about.
type answer struct {
	key  key.Binding
	then intent
}

// lines draws the box for a terminal of this width.
func (q *question) lines(l *look, k *keymap, width int) []string {
	const margin = 2
	room := min(64, width-8)
	text := strings.Split(ansi.Wrap(plain.Line(q.text), room, ""), "\n")
	var keys line
	for _, a := range q.answers {
		keys.put(l.key, a.key.Help().Key).put(l.dim, " "+a.key.Help().Desc+"      ")
	}
	if len(q.answers) > 0 {
		keys.put(l.key, k.no.Help().Key).put(l.dim, " "+k.no.Help().Desc)
	} else {
		keys.put(l.dim, "any key closes this")
	}
	inner := max(span(q.title), keys.width)
	for _, t := range text {
		inner = max(inner, span(t))
	}
	inner = min(inner, room)
	blank := strings.Repeat(" ", margin)
	framed := func(content *line) string {
		var b line
		b.put(l.rule, "│").put(ink{}, blank).raw(content.cut(inner), min(content.width, inner)).to(1+margin+inner).put(ink{}, blank).put(l.rule, "│")
		return b.b.String()
	}
	edge := func(left, right string) string {
		return l.rule.paint(left + strings.Repeat("─", inner+2*margin) + right)
	}
	out := []string{edge("╭", "╮"), framed(new(line).put(l.strong, q.title)), framed(new(line))}
	for _, t := range text {
		out = append(out, framed(new(line).put(ink{}, t)))
	}
	return append(out, framed(new(line)), framed(&keys), edge("╰", "╯"))
}

// overlay lays a box over the middle of a frame.
func overlay(frame, box []string, width int) []string {
	if len(box) == 0 {
		return frame
	}
	wide := span(box[0])
	x, y := max(0, (width-wide)/2), max(0, (len(frame)-len(box))/2)
	for i, b := range box {
		if y+i >= len(frame) {
			break
		}
		under := frame[y+i]
		left := ansi.Truncate(under, x, "")
		left += strings.Repeat(" ", max(0, x-span(left)))
		right := ansi.TruncateLeft(under, x+wide, "")
		if n := span(right); x+wide+n > width {
			right = ansi.Truncate(right, max(0, width-x-wide), "")
		}
		frame[y+i] = left + b + right
	}
	return frame
}

// segment is a piece of a header that may be left out.
type segment struct {
	ink  ink
	text string
	rank int // pieces of the highest rank go first when the line is too short; 0 never goes
}

// spread draws segments at both ends of a line, leaving out what does not fit.
func spread(width int, left, right []segment) string {
	return spreadRule(width, left, right, " ", ink{})
}

// spreadRule is spread with something else than blanks between both ends.
func spreadRule(width int, left, right []segment, between string, k ink) string {
	wide := func(segments []segment, rank int) (n int) {
		for _, s := range segments {
			if s.rank <= rank && s.text != "" {
				n += span(plain.Line(s.text))
			}
		}
		return n
	}
	rank := 0
	for _, s := range append(append([]segment{}, left...), right...) {
		rank = max(rank, s.rank)
	}
	for rank > 0 && wide(left, rank)+wide(right, rank)+3 > width {
		rank--
	}
	draw := func(segments []segment) *line {
		var b line
		for _, s := range segments {
			if s.rank <= rank {
				b.put(s.ink, s.text)
			}
		}
		return &b
	}
	l, r := draw(left), draw(right)
	if room := width - r.width - 2; l.width > room {
		cut := l.cut(max(0, room))
		l = new(line).raw(cut, span(cut))
	}
	if between == " " && r.width > 0 {
		r.put(ink{}, " ")
	}
	return l.put(k, repeat(between, width-r.width-l.width)).join(r).cut(width)
}
