package ui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"galen/agents"
	"galen/engine"
	"galen/engine/planner"
	"galen/ui/shell"
)

// form asks for the settings of a new run. It checks them as they are typed, tries them
// out on request, and shows the command that does the same.
type form struct {
	s             *session
	width, height int

	entries []*entry
	at      int

	reference string     // of the run to start from, as it is typed
	from      baseMsg    // what was found of where to start from
	asked     baseIntent // what was looked up last

	settings engine.Settings // as the entries say; valid if problem is nil
	problem  error
	checkup  *engine.Checkup // of the settings in checked; nil: none
	checked  string          // their command line
	waiting  bool            // for a checkup
}

// entry is one setting in the form.
type entry struct {
	label, hint string
	editor
	choices  []string             // what can be chosen; nil: anything is typed
	complete func(e *editor) bool // extends the text as far as it is certain and tells whether it did; nil: cannot
	read     func(s *engine.Settings, text string) error
}

func newForm(s *session) *form {
	f := &form{s: s}
	usual := engine.DefaultSettings()
	add := func(label, value, hint string, set func(s *engine.Settings, text string) error) *entry {
		e := &entry{label: label, hint: hint, editor: newEditor(), read: set}
		e.set(value)
		f.entries = append(f.entries, e)
		return e
	}
	text := func(field func(*engine.Settings) *string) func(*engine.Settings, string) error {
		return func(s *engine.Settings, text string) error {
			*field(s) = strings.TrimSpace(text)
			return nil
		}
	}
	real := func(field func(*engine.Settings) *float64) func(*engine.Settings, string) error {
		return func(s *engine.Settings, text string) (err error) {
			*field(s), err = strconv.ParseFloat(strings.TrimSpace(text), 64)
			return asNumber(err)
		}
	}
	whole := func(field func(*engine.Settings) *int) func(*engine.Settings, string) error {
		return func(s *engine.Settings, text string) (err error) {
			*field(s), err = strconv.Atoi(strings.TrimSpace(text))
			return asNumber(err)
		}
	}
	add("model", "", "ONNX file of the trained network", text(func(s *engine.Settings) *string { return &s.Model })).complete = completeFile
	add("data", "", "CIFAR or image folder, .npz, .npy folder or .tar.gz", text(func(s *engine.Settings) *string { return &s.Data })).complete = completeFile
	add("target", strconv.FormatFloat(usual.Target, 'f', -1, 64), "wanted latency as a share of the original's", real(func(s *engine.Settings) *float64 { return &s.Target }))
	add("agent", usual.Agent, "what decides", text(func(s *engine.Settings) *string { return &s.Agent })).choices = planner.Agents
	add("from", "", "", text(func(*engine.Settings) *string { return &f.reference })).complete = f.completeRun
	add("device", usual.Device, "local, ort:LIBRARY or roofline:", text(func(s *engine.Settings) *string { return &s.Device }))
	add("episodes", strconv.Itoa(usual.Episodes), "policies to try", whole(func(s *engine.Settings) *int { return &s.Episodes }))
	add("reward", usual.Reward, "r6: near the target · r7: below is as good · r5: above costs · r4: no target · r3: r7 by layer", text(func(s *engine.Settings) *string { return &s.Reward })).choices = agents.Rewards
	add("beta", strconv.FormatFloat(usual.Beta, 'f', -1, 64), "how strongly latency counts in the reward (negative)", real(func(s *engine.Settings) *float64 { return &s.Beta }))
	add("round to", strconv.Itoa(usual.RoundTo), "channels are kept in multiples of this", whole(func(s *engine.Settings) *int { return &s.RoundTo }))
	add("max bits", strconv.Itoa(usual.MaxBits), "most bits of a mixed-precision layer", whole(func(s *engine.Settings) *int { return &s.MaxBits }))
	add("repair", engine.Repairs[0], "how layers make up for what they lost", text(func(s *engine.Settings) *string { return &s.Repair })).choices = engine.Repairs
	add("preset", usualPreset, "numbers that shape how joint, prune and quantize learn", func(s *engine.Settings, text string) error {
		s.Preset = strings.TrimPrefix(text, usualPreset)
		return nil
	}).choices = presets()
	add("seed", strconv.FormatUint(usual.Seed, 10), "all but measured time follows from it", func(s *engine.Settings, text string) (err error) {
		s.Seed, err = strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		return asNumber(err)
	})
	add("name", "", "of the run; the model's if empty", text(func(s *engine.Settings) *string { return &s.Name }))
	f.move(0)
	f.read()
	return f
}

// usualPreset is the word for having no preset.
const usualPreset = "galen"

func presets() []string {
	named := slices.Clone(planner.Presets)
	named[slices.Index(named, "")] = usualPreset
	return named
}

func asNumber(err error) error {
	if err != nil {
		return fmt.Errorf("that is not a number")
	}
	return nil
}

func (f *form) SetSize(width, height int) { f.width, f.height = width, height }

func (f *form) Typing() bool { return true }

// read takes the settings from the entries.
func (f *form) read() {
	f.settings, f.problem = engine.DefaultSettings(), nil
	for _, e := range f.entries {
		if err := e.read(&f.settings, e.text()); err != nil && f.problem == nil {
			f.problem = fmt.Errorf("%s: %w", e.label, err)
		}
	}
	f.settings.Base = f.base()
	if f.problem == nil {
		f.problem = f.missing()
	}
	if f.problem == nil {
		_, f.problem = f.settings.Resolved() // finds the device's library, too
	}
	if f.problem == nil {
		for _, path := range []string{f.settings.Model, f.settings.Data} {
			if _, err := os.Stat(path); err != nil && f.problem == nil {
				f.problem = fmt.Errorf("there is no %s", path)
			}
		}
	}
	if f.problem == nil {
		f.problem = f.checkFrom()
	}
}

// missing says what must be named and is not.
func (f *form) missing() error {
	switch {
	case f.settings.Model == "":
		return errors.New("no model: name an ONNX file")
	case f.settings.Data == "":
		return errors.New("no data: name a folder or an archive of images")
	}
	return nil
}

// ready tells whether the settings as they are were tried out.
func (f *form) ready() bool { return f.checkup != nil && f.checked == f.settings.CommandLine() }

// command starts the run from a shell.
func (f *form) command() string { return shell.OnStore(f.settings.CommandLine(), f.s.database) }

func (f *form) move(to int) {
	f.entries[f.at].close()
	f.at = (to + len(f.entries)) % len(f.entries)
	f.entries[f.at].open(f.entries[f.at].text())
}

func (f *form) Update(msg tea.Msg) intent {
	switch msg := msg.(type) {
	case baseMsg:
		if msg.of == f.asked { // else more was typed meanwhile
			f.from = msg
			f.read()
		}
	case runsMsg:
		f.read()
	case checkupMsg:
		f.waiting = false
		if msg.err == nil {
			f.checkup, f.checked = msg.checkup, msg.of.CommandLine()
		}
	case tea.KeyMsg:
		return f.press(msg)
	}
	return nil
}

func (f *form) press(msg tea.KeyMsg) intent {
	k, e := f.keys(), f.entries[f.at]
	switch {
	case key.Matches(msg, f.s.keys.back):
		return backIntent{}
	case key.Matches(msg, k.copy):
		return copyIntent{f.command(), "the command"}
	case key.Matches(msg, k.enter):
		switch {
		case f.problem == errLookingUp:
			return f.lookUp()
		case f.problem != nil:
			return failIntent{f.problem}
		case f.waiting:
			return nil
		case f.ready():
			return startIntent{f.settings}
		}
		f.waiting = true
		return checkupIntent{f.settings}
	case msg.Type == tea.KeyTab && e.complete != nil && e.complete(&e.editor):
	case key.Matches(msg, k.next):
		f.move(f.at + 1)
	case key.Matches(msg, k.before):
		f.move(f.at - 1)
	case e.choices != nil:
		at := slices.Index(e.choices, e.text())
		switch msg.Type {
		case tea.KeyLeft:
			at += len(e.choices) - 1
		case tea.KeyRight, tea.KeySpace:
			at++
		}
		e.set(e.choices[at%len(e.choices)])
	default:
		e.press(msg)
	}
	f.read()
	return f.lookUp()
}

// completeFile extends a path as far as the files there are agree.
func completeFile(e *editor) bool {
	text := e.text()
	folder, begun := filepath.Split(text)
	from := folder
	if home, err := os.UserHomeDir(); err == nil && strings.HasPrefix(folder, "~/") {
		folder = filepath.Join(home, folder[2:]) + "/"
		from = folder
	}
	if from == "" {
		from = "."
	}
	files, err := os.ReadDir(from)
	if err != nil {
		return false
	}
	var names []string
	for _, file := range files {
		name := file.Name()
		if !strings.HasPrefix(name, begun) || begun == "" && strings.HasPrefix(name, ".") {
			continue
		}
		if isFolder(from, file) {
			name += "/"
		}
		names = append(names, folder+name)
	}
	return e.extend(names)
}

// isFolder tells whether an entry of a folder is one, or links to one. Only links are looked up: a folder
// on a network may have many entries.
func isFolder(in string, file os.DirEntry) bool {
	if file.Type()&os.ModeSymlink == 0 {
		return file.IsDir()
	}
	info, err := os.Stat(filepath.Join(in, file.Name()))
	return err == nil && info.IsDir()
}

// formKeys are the keys of a form, where all others are text.
type formKeys struct{ next, before, enter, copy key.Binding }

func (f *form) keys() formKeys {
	bind := func(shown, does string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, does))
	}
	does := "try it out"
	if f.ready() {
		does = "start"
	}
	return formKeys{
		next: bind("tab ↓", "next", "tab", "down"), before: bind("↑", "previous", "shift+tab", "up"),
		enter: bind("enter", does, "enter"), copy: bind("ctrl+y", "copy", "ctrl+y"),
	}
}

func (f *form) Keys() []keyGroup {
	k := f.keys()
	return []keyGroup{{"New run", []key.Binding{k.enter, k.next, k.before, f.s.keys.back, k.copy}, false}}
}

func (f *form) Legend() [][2]string { return nil }

func (f *form) Status() string {
	l := f.s.look
	if f.waiting {
		return new(line).put(l.warn, " … reading, scoring and timing the original model").cut(f.width)
	}
	return ""
}

func (f *form) View() []string {
	l := f.s.look
	out := []string{spread(f.width, []segment{{l.strong, " galen", 0}, {l.dim, "   new run", 0}}, nil), l.rule.paint(repeat(l.ruleRest, f.width))}
	const label = 10
	for n, e := range f.entries {
		var b line
		mark, k := " ", l.dim
		if n == f.at {
			mark, k = l.cursorMark, l.strong
		}
		b.put(l.accent, mark+" ").put(k, fit(e.label, label, false)+" ")
		switch {
		case e.choices != nil:
			for _, c := range e.shown(f.width - label - 4) {
				if c == e.text() {
					b.put(l.accent, "["+c+"] ")
				} else {
					b.put(l.dim, " "+c+"  ")
				}
			}
		case n == f.at:
			b.join(e.line(l, f.width-b.width))
		default:
			b.put(l.plain, e.text())
		}
		if n == f.at || e.text() == "" {
			b.put(l.dim, "   "+f.hint(e))
		}
		out = append(out, b.cut(f.width))
	}
	gap := []string{""}
	if f.ready() && f.height < 30 {
		gap = nil // what was found needs the lines
	}
	out = append(out, gap...)
	if f.problem != nil {
		for _, t := range strings.Split(ansi.Wrap(f.problem.Error(), f.width-4, ""), "\n") {
			out = append(out, new(line).put(l.warn, "  "+t).cut(f.width))
		}
	} else {
		const hyphen, unbroken = "-", "\u2011" // options are not broken at theirs
		wrapped := ansi.Wrap(strings.ReplaceAll(f.command(), hyphen, unbroken), f.width-4, "")
		for n, t := range strings.Split(strings.ReplaceAll(wrapped, unbroken, hyphen), "\n") {
			if n == 0 {
				out = append(out, new(line).put(l.dim, "$ ").put(l.plain, t).cut(f.width))
			} else {
				out = append(out, new(line).put(l.plain, "  "+t).cut(f.width))
			}
		}
	}
	if f.ready() {
		out = append(out, gap...)
		out = append(out, f.found(f.height-len(out))...)
	}
	return exactly(out, f.height)
}

// shown are the choices from the first one with which the chosen one fits in the width.
func (e *entry) shown(width int) []string {
	first := max(slices.Index(e.choices, e.text()), 0)
	for used := len(e.choices[first]) + 3; first > 0; first-- {
		if used += len(e.choices[first-1]) + 3; used > width {
			break
		}
	}
	return e.choices[first:]
}
