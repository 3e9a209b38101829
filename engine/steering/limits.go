package steering

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"galen/engine/planner"
	"galen/hw/graph"
	"galen/store"
)

// Commands about what the agent may choose for one layer. A pin is a bound that leaves one value.
const (
	Pin     Kind = "pin"
	Bound   Kind = "bound"
	Release Kind = "release"
)

var (
	pin = command{
		kind: Pin, takes: "LAYER sparsity=S weights=W activations=A", does: "fix what is given of a layer",
		argument: limitsOfLayer, apply: applyLimits,
	}
	bound = command{
		kind: Bound, takes: "LAYER sparsity=S..T weights=V..W activations=A..B",
		does:     "keep what is given of a layer in a range; free lifts it",
		argument: limitsOfLayer, apply: applyLimits,
	}
	release = command{
		kind: Release, takes: "LAYER", does: "let the agent decide about a layer again",
		argument: nameOf(func(on Course) []string {
			return layerNames(on, func(l store.Layer) bool { return !on.Settings.Limits[l.Name].Free() })
		}),
		apply: func(c Command, on Course, _ Search) (Change, error) {
			before := on.Settings.Limits[c.Name]
			if _, err := on.layer(c.Name); err != nil {
				return Change{}, err
			}
			if before.Free() {
				return Change{}, fmt.Errorf("layer %s has no limits", c.Name)
			}
			return on.limit(c.Name, planner.Limits{}, limiting(c.Name, before)), nil
		},
	}
)

// limiting is the command that limits a layer: a pin if one value is left of all that is limited.
func limiting(layer string, l planner.Limits) Command {
	if l.Pinned() {
		return Command{Kind: Pin, Name: layer, Limits: l}
	}
	return Command{Kind: Bound, Name: layer, Limits: l}
}

// limitsOfLayer are a layer's name and what is limited of it.
var limitsOfLayer = argument{
	parse: func(c *Command, text string) error {
		name, limits, err := parseLimits(text)
		if err == nil && c.Kind == Pin && !limits.Pinned() {
			err = errors.New("it takes single values; ranges are for bound")
		}
		*c = limiting(name, limits)
		return err
	},
	format:   func(c Command) string { return fmt.Sprintf("%s %s", c.Name, c.Limits) },
	complete: completeLimits,
}

// applyLimits narrows a layer's choices. The sparsity of layers that are pruned
// together is limited at the one that decides.
func applyLimits(c Command, on Course, _ Search) (Change, error) {
	at, err := on.layer(c.Name)
	if err != nil {
		return Change{}, err
	}
	if err := on.suits(c.Limits, at); err != nil {
		return Change{}, err
	}
	before := on.Settings.Limits[c.Name]
	now := before.With(c.Limits)
	if err := now.Check(); err != nil {
		return Change{}, err
	}
	undo := Command{Kind: Release, Name: c.Name}
	if !before.Free() {
		undo = limiting(c.Name, before.Before(c.Limits))
	}
	return on.limit(c.Name, now, undo), nil
}

// limit gives a layer limits.
func (on Course) limit(layer string, now planner.Limits, undo Command) Change {
	s := on.Settings
	before := s.Limits[layer]
	s.Limits = maps.Clone(s.Limits)
	if now.Free() {
		delete(s.Limits, layer)
	} else {
		if s.Limits == nil {
			s.Limits = map[string]planner.Limits{}
		}
		s.Limits[layer] = now
	}
	return Change{before.String() + " → " + now.String(), &undo}
}

// layer is where a layer of a name stands.
func (on Course) layer(name string) (at int, err error) {
	at = slices.IndexFunc(on.Layers, func(l store.Layer) bool { return l.Name == name })
	switch {
	case len(on.Layers) == 0:
		return at, errors.New("the layers are not known yet: try again in a moment")
	case at < 0:
		return at, fmt.Errorf("the model has no layer %q", name)
	}
	return at, nil
}

// suits checks that a layer can be limited this way.
func (on Course) suits(l planner.Limits, at int) error {
	s, layer := on.Settings, on.Layers[at]
	bits := l.Weights != nil || l.Activations != nil
	switch {
	case l.Sparsity != nil && !s.Kind().Prunes():
		return fmt.Errorf("the %s agent does not prune", s.Agent)
	case bits && !s.Kind().Quantizes():
		return fmt.Errorf("the %s agent does not quantize", s.Agent)
	case l.Sparsity != nil && l.Sparsity.Least > 0 && !layer.Prunable:
		return fmt.Errorf("%s cannot lose channels: %s", layer.Name, layer.Why)
	case l.Sparsity != nil && !layer.Root:
		root := slices.IndexFunc(on.Layers, func(other store.Layer) bool { return other.Root && other.Group == layer.Group })
		if root >= 0 {
			return fmt.Errorf("%s is pruned together with %s, which decides: limit that one", layer.Name, on.Layers[root].Name)
		}
	}
	for _, b := range []*planner.Span[int]{l.Weights, l.Activations} {
		if b != nil && b.Most < 8 && !layer.Mixable {
			return fmt.Errorf("%s keeps at least 8 bits", layer.Name)
		}
	}
	return nil
}

// parseLimits reads a layer's name, which may have blanks and anything else, and limits.
func parseLimits(text string) (layer string, l planner.Limits, err error) {
	layer = text
	rest, word := cutLast(layer)
	for {
		known, err := parseLimit(&l, word)
		if err != nil {
			return "", l, err
		}
		if !known {
			break
		}
		layer = rest
		rest, word = cutLast(layer)
	}
	switch {
	case layer != "" && layer != text:
		return layer, l, l.Check()
	case strings.Contains(word, "=") && layer != word:
		name, _, _ := strings.Cut(word, "=")
		return "", l, fmt.Errorf("%q is not sparsity, weights or activations", name)
	}
	return "", l, errors.New("name a layer and what to fix")
}

// parseLimit takes one part of limits, like weights=4..8; known tells whether the word is one.
func parseLimit(l *planner.Limits, word string) (known bool, err error) {
	name, value, _ := strings.Cut(word, "=")
	switch name {
	case "sparsity":
		l.Sparsity, err = parseSpan(value, planner.AnySparsity, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case "weights":
		l.Weights, err = parseSpan(value, planner.AnyBits, parseBits)
	case "activations":
		l.Activations, err = parseSpan(value, planner.AnyBits, parseBits)
	default:
		return false, nil
	}
	return true, err
}

// cutLast cuts the last word off.
func cutLast(text string) (rest, word string) {
	at := strings.LastIndexByte(text, ' ')
	return strings.TrimRight(text[:max(at, 0)], " "), text[at+1:]
}

func parseBits(text string) (int, error) {
	if text == planner.FloatText {
		return graph.FloatBits, nil
	}
	return strconv.Atoi(text)
}

func parseSpan[T int | float64](text string, all planner.Span[T], parse func(string) (T, error)) (*planner.Span[T], error) {
	if text == planner.FreeText {
		return &all, nil
	}
	least, most, ranged := strings.Cut(text, "..")
	if !ranged {
		most = least
	}
	low, err := parse(least)
	if err == nil {
		var high T
		if high, err = parse(most); err == nil {
			return &planner.Span[T]{Least: low, Most: high}, nil
		}
	}
	return nil, fmt.Errorf("%q is neither a number nor a range of two", text)
}

// completeLimits completes a layer's name and what can be limited of it.
func completeLimits(on Course, before, typed string) []string {
	for _, l := range on.Layers {
		if after, ok := strings.CutPrefix(typed, l.Name+" "); ok {
			at := strings.LastIndexByte(after, ' ') + 1
			before += l.Name + " " + after[:at]
			var left []string
			for _, name := range []string{"sparsity=", "weights=", "activations="} {
				if !strings.Contains(after[:at], name) {
					left = append(left, name)
				}
			}
			return beginning(before, after[at:], left)
		}
	}
	var names []string
	for _, l := range on.Layers {
		names = append(names, l.Name+" ")
	}
	return beginning(before, typed, names)
}
