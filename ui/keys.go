package ui

import "github.com/charmbracelet/bubbles/key"

// keymap is every key the interface knows. Footer hints and help are made from it.
type keymap struct {
	up, down, pageUp, pageDown, top, bottom key.Binding

	open, demo, resume, filter, reload key.Binding
	create, fork, rename, remove       key.Binding
	compare, other, cost               key.Binding
	copy, save, journal, log, device   key.Binding

	pause, step, stop, freeze                          key.Binding
	command, target, noise, method, undo, try, pin     key.Binding
	sparser, denser, moreBits, fewerBits               key.Binding
	inspect, episodes, sort, mark, diff, export        key.Binding
	best, reference, last, first, previous, subsequent key.Binding

	yes, no                           key.Binding
	detach, pauseAndQuit, stopAndQuit key.Binding // answers to quitting
	back, help, quit, end             key.Binding

	character, word, lineEnds, deleteWord, deleteBefore, deleteAfter key.Binding // while text is typed; the editor knows them
}

// keyGroup is a titled set of keys, most useful first.
type keyGroup struct {
	title string
	keys  []key.Binding
	quiet bool // for help only
}

func newKeymap() keymap {
	bind := func(shown, does string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(shown, does))
	}
	return keymap{
		up:       bind("↑ k", "up", "up", "k"),
		down:     bind("↓ j", "down", "down", "j"),
		pageUp:   bind("PgUp", "a page up", "pgup", "ctrl+b", "ctrl+u"),
		pageDown: bind("PgDn", "a page down", "pgdown", "ctrl+f", "ctrl+d"),
		top:      bind("g", "to the top", "g", "home"),
		bottom:   bind("G", "to the end", "G", "end"),

		open:    bind("enter", "open", "enter"),
		demo:    bind("d", "demo", "d"),
		create:  bind("n", "new run", "n"),
		fork:    bind("F", "fork", "F"),
		rename:  bind("N", "rename", "N"),
		remove:  bind("X", "delete", "X", "delete"),
		compare: bind("c", "compare two", "c"),
		cost:    bind("m", "time its choices", "m"),
		other:   bind("tab", "fronts or policies", "tab"),
		resume:  bind("r", "resume", "r"),
		filter:  bind("/", "filter", "/"),
		reload:  bind("R", "read the list again", "R"),

		copy:    bind("y", "copy the command", "y"),
		save:    bind("ctrl+s", "save the screen as text", "ctrl+s"),
		journal: bind("J", "journal", "J"),
		log:     bind("!", "log", "!"),
		device:  bind("D", "device and timing", "D"),

		pause:  bind("space", "pause", " "),
		step:   bind("s", "step", "s"),
		stop:   bind("x", "stop", "x", "S"),
		freeze: bind("f", "freeze", "f"),

		command:   bind(":", "command", ":"),
		target:    bind("t", "target", "t"),
		noise:     bind("n", "exploration", "n"),
		method:    bind("M", "freeze a method", "M"),
		undo:      bind("u", "undo", "u"),
		try:       bind("T", "try again", "T"),
		pin:       bind("p", "pin", "p"),
		sparser:   bind(">", "pin with fewer channels", ">"),
		denser:    bind("<", "pin with more channels", "<"),
		moreBits:  bind(".", "pin with more bits", "."),
		fewerBits: bind(",", "pin with fewer bits", ","),

		inspect:  bind("enter", "layer", "enter", "i"),
		episodes: bind("e", "episodes", "e"),
		sort:     bind("s", "sort", "s"),
		mark:     bind("space", "mark", " ", "m"),
		diff:     bind("x", "compare two", "x", "d"),
		export:   bind("E", "export", "E"),

		best:       bind("b", "best", "b"),
		reference:  bind("r", "reference", "r"),
		last:       bind("L", "last", "L"),
		first:      bind("H", "first", "H"),
		previous:   bind("[ ←", "previous", "[", "left", "h"),
		subsequent: bind("] →", "next", "]", "right", "l"),

		yes:          bind("y", "yes", "y", "Y"),
		no:           bind("n", "no", "n", "N", "esc", "q"),
		detach:       bind("d", "detach", "d"),
		pauseAndQuit: bind("p", "pause", "p"),
		stopAndQuit:  bind("x", "stop", "x"),

		back: bind("esc", "back", "esc"),
		help: bind("?", "help", "?"),
		quit: bind("q", "quit", "q", "ctrl+c"),
		end:  bind("ctrl+c", "quit", "ctrl+c"),

		character:    bind("← →", "by a character", "left", "right", "ctrl+b", "ctrl+f"),
		word:         bind("ctrl+← →", "by a word", "ctrl+left", "ctrl+right", "alt+left", "alt+right", "alt+b", "alt+f"),
		lineEnds:     bind("Home End", "to either end", "home", "end", "ctrl+a", "ctrl+e"),
		deleteWord:   bind("ctrl+w", "delete the word before", "ctrl+w", "alt+backspace"),
		deleteBefore: bind("ctrl+u", "delete all before", "ctrl+u"),
		deleteAfter:  bind("ctrl+k", "delete all after", "ctrl+k"),
	}
}

// confirm are the answers to a question of yes or no.
func (k *keymap) confirm(then intent) []answer { return []answer{{k.yes, then}} }

// movement is the group of keys that every list shares.
func (k *keymap) movement() keyGroup {
	return keyGroup{"Moving", []key.Binding{k.up, k.down, k.pageUp, k.pageDown, k.top, k.bottom}, true}
}

// hints draws as many keys of the groups as fit into a line, then the ones that
// must never be missing.
func (l *look) hints(width int, groups []keyGroup, always []key.Binding) string {
	var end line
	for _, k := range always {
		l.hint(&end, k)
	}
	var out line
	for _, g := range groups {
		for _, k := range g.keys {
			var next line
			if l.hint(&next, k); g.quiet || out.width+next.width+end.width > width {
				continue
			}
			out.join(&next)
		}
	}
	return out.join(&end).cut(width)
}

// hint appends what an enabled key does, after a gap.
func (l *look) hint(to *line, k key.Binding) {
	if k.Enabled() {
		h := k.Help()
		to.put(ink{}, "  ").put(l.key, h.Key).put(l.dim, " "+h.Desc)
	}
}
