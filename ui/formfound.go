package ui

import (
	"fmt"
	"strings"

	"galen/ui/plain"
)

// found tells what the checkup found: the original, and its layers as far as there is room,
// the ones that cannot be pruned first.
func (f *form) found(height int) []string {
	l, c := f.s.look, f.checkup
	ms := millisFor(c.LatencyMS)
	var b line
	b.put(l.good, "  "+c.Model.Name).put(l.dim, " classifies ").put(l.strong, percent(c.Accuracy)).put(l.dim, fmt.Sprintf(" of %d validation images right, in ", c.Images)).
		put(l.strong, ms.withUnit(c.LatencyMS)).put(l.dim, " each on ").put(l.plain, c.Device.String())
	if len(c.Flags) > 0 {
		b.put(l.warn, "  ! "+strings.Join(c.Flags, ", "))
	}
	out := []string{b.cut(f.width)}
	prunable := 0
	for _, layer := range c.Layers {
		if layer.Prunable {
			prunable++
		}
	}
	out = append(out, new(line).put(l.dim, fmt.Sprintf("  %s, of which %d can lose channels; the others:", plural(len(c.Layers), "layer"), prunable)).cut(f.width))
	for _, layer := range c.Layers {
		if !layer.Prunable && len(out) < height {
			out = append(out, new(line).put(l.plain, "    "+layer.Name).put(l.dim, "   "+layer.Why).cut(f.width))
		}
	}
	return append(out, f.prunable(height-len(out))...)
}

// prunable lists the layers that can lose channels, with what they compute, in columns.
// Layers of the same letter lose the same ones.
func (f *form) prunable(height int) []string {
	l, letters := f.s.look, groupLetters(f.checkup.Layers)
	var names, shapes, groups []string
	name, shape, group, inputs := 0, 0, 0, 0
	for _, layer := range f.checkup.Layers {
		inputs = max(inputs, len(fmt.Sprint(layer.In)))
	}
	for i := range f.checkup.Layers {
		if layer := &f.checkup.Layers[i]; layer.Prunable {
			names, shapes, groups = append(names, plain.Line(layer.Name)), append(shapes, shapeText(layer, inputs)), append(groups, letters[i])
			name, shape, group = max(name, span(names[len(names)-1])), max(shape, span(shapes[len(shapes)-1])), max(group, span(letters[i]))
		}
	}
	const indent, gap = 4, 4
	name = min(name, 24)
	pitch := name + 1 + group + 2 + shape + gap // from one column to the next
	columns := max(1, (f.width-indent+gap)/pitch)
	rows := min(height-1, (len(names)+columns-1)/columns) // below a title
	if rows < 1 {
		return nil
	}
	title := "  those that can"
	if shown := rows * columns; shown < len(names) {
		title += fmt.Sprintf(", the first %d", shown)
	}
	out := []string{new(line).put(l.dim, title+":").cut(f.width)}
	for row := range rows {
		var b line
		for at := row; at < min(len(names), rows*columns); at += rows {
			b.to(indent+at/rows*pitch).put(l.plain, fitEnd(names[at], name)+" ").
				put(l.accent, fit(groups[at], group, false)).put(l.dim, "  "+shapes[at])
		}
		out = append(out, b.cut(f.width))
	}
	return out
}
