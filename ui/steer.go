package ui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"galen/engine/steering"
	"galen/store"
)

// steer gives the search the command that a key stands for; ok is false for other keys.
func (d *dashboard) steer(k *keymap, msg tea.KeyMsg) (i intent, ok bool) {
	switch {
	case key.Matches(msg, k.command):
		d.prompt.open("")
	case key.Matches(msg, k.target):
		d.prompt.open("target ")
	case key.Matches(msg, k.noise):
		d.prompt.open("noise ")
	case key.Matches(msg, k.method):
		d.prompt.open("freeze ")
	case key.Matches(msg, k.undo):
		return commandIntent{steering.Command{Kind: steering.Undo}}, true
	case key.Matches(msg, k.try):
		shown, _ := d.shown()
		return commandIntent{steering.Command{Kind: steering.Try, Value: float64(shown.Number)}}, true
	case key.Matches(msg, k.pin):
		return commanded(d.newest.Course().PinAs(d.list.at, d.result())), true
	case key.Matches(msg, k.sparser):
		return d.nudge(+1, 0), true
	case key.Matches(msg, k.denser):
		return d.nudge(-1, 0), true
	case key.Matches(msg, k.moreBits):
		return d.nudge(0, +1), true
	case key.Matches(msg, k.fewerBits):
		return d.nudge(0, -1), true
	default:
		return nil, false
	}
	return nil, true
}

// nudge pins the layer under the cursor a step away from where it is, or will be once the commands that
// are on their way took effect.
func (d *dashboard) nudge(channels, bits int) intent {
	d.settle()
	expected := d.newest
	for _, c := range d.given {
		expected = expected.After(c)
	}
	return commanded(expected.Course().Nudge(d.list.at, d.result(), channels, bits))
}

// give takes note of a command that is on its way.
func (d *dashboard) give(c steering.Command) {
	if d.newest == nil || c.Kind == steering.Cost { // which the journal does not list
		return
	}
	d.settle()
	d.given, d.until = append(d.given, c), d.until+1
}

// settle forgets the commands given once the journal shows that all of them took effect.
func (d *dashboard) settle() {
	if n := len(d.newest.Journal); len(d.given) == 0 || n >= d.until {
		d.given, d.until = nil, n
	}
}

// typed gives a key to the command line.
func (d *dashboard) typed(msg tea.KeyMsg) intent {
	d.prompt.layer = d.list.id
	entered := d.prompt.press(msg, d.newest)
	if entered == "" {
		return nil
	}
	return commanded(steering.Parse(entered))
}

func commanded(c steering.Command, err error) intent {
	if err != nil {
		return failIntent{err}
	}
	return commandIntent{c}
}

// result is what the shown policy does to the layer under the cursor.
func (d *dashboard) result() *store.LayerResult {
	shown, _ := d.shown()
	results := d.referenceResults()
	if shown != nil {
		results = shown.Layers
	}
	return &results[d.list.at]
}

// limited says what narrows the agent's choices for the layer under the cursor; empty if
// nothing does.
func (d *dashboard) limited() string {
	if d.list.at >= len(d.snap.Layers) {
		return ""
	}
	name := d.snap.Layers[d.list.at].Name
	limits := d.snap.Settings.Limits[name]
	if limits.Free() {
		return ""
	}
	return fmt.Sprintf("%s %s", name, limits)
}

// frozenMethods says what the agent may not do to any layer; empty: everything is allowed.
func (d *dashboard) frozenMethods() string {
	if frozen := d.snap.Settings.Frozen; len(frozen) > 0 {
		return "frozen: " + strings.Join(frozen, ", ")
	}
	return ""
}
