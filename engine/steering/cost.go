package steering

import "galen/store"

// Cost asks what each choice would cost a layer.
const Cost Kind = "cost"

var cost = command{
	kind: Cost, takes: "LAYER", does: "time what each choice would cost a layer here",
	argument: nameOf(func(on Course) []string {
		return layerNames(on, func(store.Layer) bool { return true })
	}),
	scope: inquiry,
	apply: func(c Command, _ Course, s Search) (Change, error) {
		if s == nil {
			return Change{}, nil
		}
		return Change{}, s.TimeLayer(c.Name)
	},
}
