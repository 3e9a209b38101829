package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine"
)

// logView shows what the process that searches has noted, with the errors that were shown in
// this terminal, the latest last. It follows the log while the cursor is at its end.
type logView struct {
	s             *session
	width, height int

	noted  []string // by the process that searches
	lines  []string // with those of this terminal, as far as they pass the filter
	all    int      // how many there are without the filter
	list   list
	filter editor
}

// mostReported bounds how many errors of this terminal are kept.
const mostReported = 200

func newLogView(s *session) *logView { return &logView{s: s, filter: newEditor()} }

func (v *logView) SetSize(width, height int) {
	v.width, v.height = width, height
	v.list.show(height - 2)
}

func (v *logView) Typing() bool { return v.filter.typing() }

func (v *logView) Update(msg tea.Msg) intent {
	switch msg := msg.(type) {
	case logMsg:
		if msg.err == nil {
			v.accept(msg.lines)
		}
	case tea.KeyMsg:
		if v.filter.typing() {
			v.filter.filter(msg, &v.s.keys, &v.list)
			v.arrange()
			return nil
		}
		return v.press(msg)
	}
	return nil
}

// accept takes what the process that searches has noted.
func (v *logView) accept(lines []string) {
	atEnd := v.list.at >= len(v.lines)-1
	v.noted = lines
	v.arrange()
	if atEnd {
		v.list.move(len(v.lines) - 1)
	}
}

func (v *logView) press(msg tea.KeyMsg) intent {
	k := &v.s.keys
	switch {
	case key.Matches(msg, k.back) && v.filter.text() != "":
		v.filter.set("")
		v.arrange()
	case key.Matches(msg, k.back):
		return backIntent{}
	case v.list.press(k, msg):
	case key.Matches(msg, k.filter):
		v.filter.open(v.filter.text())
	case key.Matches(msg, k.copy) && len(v.lines) > 0:
		return copyIntent{v.lines[v.list.at], "the line"}
	}
	return nil
}

// arrange merges both logs by time and applies the filter: every word must occur in a line.
// Lines that continue one, as of a trace, stay behind it.
func (v *logView) arrange() {
	all := make([]string, 0, len(v.noted)+len(v.s.reported))
	own := v.s.reported
	for _, l := range v.noted {
		for stamped(l) && len(own) > 0 && own[0][:len(engine.LogTime)] < l[:len(engine.LogTime)] {
			all, own = append(all, own[0]), own[1:]
		}
		all = append(all, l)
	}
	all = append(all, own...)
	v.all = len(all)
	words := strings.Fields(strings.ToLower(v.filter.text()))
	v.lines = slices.DeleteFunc(all, func(l string) bool {
		l = strings.ToLower(l)
		return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l, w) })
	})
	v.list.set(identities(v.lines))
}

// identities tells lines apart, of which the same may come again, while the first ones go.
func identities(lines []string) []string {
	later := map[string]int{}
	ids := make([]string, len(lines))
	for i := len(lines) - 1; i >= 0; i-- {
		later[lines[i]]++
		ids[i] = lines[i] + "\x00" + strconv.Itoa(later[lines[i]])
	}
	return ids
}

// stamped tells whether a line of the log begins with a time.
func stamped(line string) bool {
	const digits = "0000-00-00 00:00:00 "
	if len(line) < len(digits) {
		return false
	}
	for i := range len(digits) {
		if isDigit := line[i] >= '0' && line[i] <= '9'; isDigit != (digits[i] == '0') || !isDigit && line[i] != digits[i] {
			return false
		}
	}
	return true
}

func (v *logView) Keys() []keyGroup {
	k := v.s.keys
	if v.filter.typing() {
		return typingKeys("Filter", "keep the filter", "show all lines")
	}
	k.copy.SetHelp("y", "copy the line")
	k.copy.SetEnabled(len(v.lines) > 0)
	return []keyGroup{{"Log", []key.Binding{k.filter, k.copy}, false}, k.movement()}
}

func (v *logView) Legend() [][2]string {
	return [][2]string{
		{"error", "what went wrong: in the process that searches, or shown in this terminal"},
		{"warning", "an episode whose measurement is in doubt"},
		{"G", "to the end, and follow what is added"},
	}
}

// Status is the filter, or the end of the line under the cursor where that was cut off.
func (v *logView) Status() string {
	l := v.s.look
	found := fmt.Sprintf("%d of %s", len(v.lines), plural(v.all, "line"))
	status := v.filter.filterLine(l, v.width, "   "+found, ": "+found)
	if status == "" && len(v.lines) > 0 && v.row(v.lines[v.list.at], false).width > v.width {
		var b line
		return b.put(l.dim, "  "+fitEnd(v.lines[v.list.at], v.width-4)).cut(v.width)
	}
	return status
}

func (v *logView) View() []string {
	l := v.s.look
	left := []segment{{l.strong, " galen", 0}, {l.dim, "   log", 0}}
	if v.s.database != "" {
		left = append(left, segment{l.dim, " of " + v.s.database, 1})
	}
	out := []string{
		spread(v.width, left, []segment{{l.dim, plural(v.all, "line"), 0}}),
		l.rule.paint(repeat(l.ruleRest, v.width)),
	}
	if len(v.lines) == 0 {
		text := "  nothing is noted yet: what a search does, and what goes wrong, is listed here"
		if v.all > 0 {
			text = "  no line matches the filter"
		}
		return exactly(append(out, l.dim.paint(text)), v.height)
	}
	from, to := v.list.visible()
	for i := from; i < to; i++ {
		out = append(out, v.row(v.lines[i], i == v.list.at).cut(v.width))
	}
	return exactly(out, v.height)
}

// row draws a line: its time, with the day if that is another one, and its level if it is
// worth attention.
func (v *logView) row(text string, selected bool) *line {
	l := v.s.look
	b := new(line)
	mark := " "
	if selected {
		b.only, mark = &l.cursor, l.cursorMark
	}
	b.put(l.accent, mark+" ")
	if stamped(text) {
		day, rest := text[:len("2006-01-02 ")], text[len("2006-01-02 "):]
		if day[:len(day)-1] == v.s.now.Format("2006-01-02") {
			day = ""
		}
		stamp, rest := rest[:len("15:04:05")], rest[len("15:04:05 "):]
		level, said, _ := strings.Cut(rest, " ")
		ink := map[string]ink{"error": l.bad, "warning": l.warn}[level]
		if level == "info" {
			level = ""
		}
		b.put(l.dim, day+stamp+" ").put(ink, fit(level, len("warning"), false)+" "+strings.TrimSpace(said))
	} else {
		b.put(l.dim, text)
	}
	if selected {
		b.to(v.width)
	}
	return b
}

func (v *logView) listAt() (*list, int, int, int) { return &v.list, 2, 0, v.width }
