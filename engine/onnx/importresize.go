package onnx

import (
	"errors"
	"fmt"
	"math"

	"galen/hw/graph"
)

// importResize takes what enlarges or shrinks images by the nearest pixel, Upsample included.
func importResize(m *importer, n *node) error {
	x, err := m.value(n, 0)
	if err != nil {
		return err
	}
	absent := "nearest"
	if mode := n.string("mode", absent); mode != "nearest" {
		return fmt.Errorf("interpolates by %q; galen takes the nearest pixel", mode)
	}
	if n.ints("axes") != nil || n.string("keep_aspect_ratio_policy", "stretch") != "stretch" {
		return errors.New("has axes or keeps an aspect ratio; galen takes scales or sizes of all axes")
	}
	shape := m.graph.Values[x].Shape
	if len(shape) != 3 {
		return fmt.Errorf("input is %v per image; galen takes 2-D images", shape)
	}
	scales, sizes, err := m.resizing(n, shape)
	if err != nil {
		return err
	}
	var axes []*graph.Gather
	for d := 1; d <= 2; d++ {
		index, err := m.nearest(n, shape[d], sizes[d-1], scales[d-1])
		if err != nil {
			return err
		}
		axes = append(axes, &graph.Gather{Axis: d, Index: index})
	}
	name := m.names.unique(n.outputs[0] + "_rows")
	rows, err := m.append(name, axes[0], name, x)
	if err != nil {
		return err
	}
	return m.emit(n, axes[1], rows)
}

// resizing reads the scales of height and width and the output's size.
func (m *importer) resizing(n *node, shape graph.Shape) (scales [2]float64, sizes [2]int, err error) {
	at := 2 // of the scales among the inputs, behind roi
	switch {
	case n.op == "Upsample" && m.opset < 9:
		at = -1
	case m.opset < 11:
		at = 1
	}
	var given []float32
	if at < 0 {
		if a := n.attribute("scales", attributeFloats); a != nil {
			given = a.floats
		}
	} else if given, err = m.floats(n, at); err != nil {
		return scales, sizes, err
	}
	if len(given) > 0 {
		if len(given) != 4 || given[0] != 1 || given[1] != 1 {
			return scales, sizes, fmt.Errorf("scales are %v; galen takes 1, 1 and those of height and width", given)
		}
		for d := range 2 {
			scales[d] = float64(given[2+d])
			size := math.Floor(float64(shape[1+d]) * scales[d])
			if !(size >= 1 && size <= maxElements) {
				return scales, sizes, fmt.Errorf("scales %d by %g", shape[1+d], scales[d])
			}
			sizes[d] = int(size)
		}
		return scales, sizes, nil
	}
	c, err := m.constant(n, 3)
	if err != nil || c == nil {
		return scales, sizes, errors.Join(errors.New("has neither scales nor sizes"), err)
	}
	ints := c.ints
	if c.typ == typeFloat || len(ints) != 4 || ints[1] != int64(shape[0]) || min(ints[2], ints[3]) < 1 || max(ints[2], ints[3]) > maxElements {
		return scales, sizes, fmt.Errorf("sizes are %v for %v", ints, shape)
	}
	for d := range 2 {
		sizes[d] = int(ints[2+d])
		scales[d] = float64(sizes[d]) / float64(shape[1+d])
	}
	return scales, sizes, nil
}

// nearest lists the input pixel for each of the output's along one axis.
func (m *importer) nearest(n *node, from, to int, scale float64) ([]int, error) {
	if _, err := m.take(typeInt64, []int{to}); err != nil {
		return nil, err
	}
	coordinates, rounding := "asymmetric", "floor" // before opset 11
	if m.opset >= 11 {
		coordinates = n.string("coordinate_transformation_mode", "half_pixel")
		rounding = n.string("nearest_mode", "round_prefer_floor")
	}
	index := make([]int, to)
	for i := range index {
		x := float64(i)
		switch coordinates {
		case "half_pixel":
			x = (x+0.5)/scale - 0.5
		case "pytorch_half_pixel":
			if x = (x+0.5)/scale - 0.5; to == 1 {
				x = 0
			}
		case "asymmetric":
			x /= scale
		case "align_corners":
			if x = 0; to > 1 {
				x = float64(i) * float64(from-1) / float64(to-1)
			}
		default:
			return nil, fmt.Errorf("has coordinates %q", coordinates)
		}
		switch rounding {
		case "round_prefer_floor":
			x = math.Ceil(x - 0.5)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		default:
			return nil, fmt.Errorf("rounds by %q", rounding)
		}
		index[i] = int(max(0, min(float64(from-1), x)))
	}
	return index, nil
}

// padByPixels continues an image beyond its edges with its own pixels.
func (m *importer) padByPixels(n *node, pad *graph.Pad, x graph.ValueID, mode string) error {
	shape := m.graph.Values[x].Shape
	var axes []*graph.Gather
	for d, size := range shape {
		before, after := pad.Before[d], pad.After[d]
		if before+after == 0 {
			continue
		}
		if mode == "reflect" && max(before, after) >= size {
			return fmt.Errorf("reflects %d and %d pixels of %d", before, after, size)
		}
		if _, err := m.take(typeInt64, []int{before + size + after}); err != nil {
			return err
		}
		g := &graph.Gather{Axis: d}
		for i := -before; i < size+after; i++ {
			at := i
			switch {
			case mode == "edge":
				at = max(0, min(size-1, i))
			case mode == "wrap":
				at = ((i % size) + size) % size
			case mode != "reflect":
				return fmt.Errorf("pads by %q", mode)
			case i < 0:
				at = -i
			case i >= size:
				at = 2*(size-1) - i
			}
			g.Index = append(g.Index, at)
		}
		axes = append(axes, g)
	}
	for _, g := range axes[:len(axes)-1] {
		name := m.names.unique(n.outputs[0] + "_padded")
		var err error
		if x, err = m.append(name, g, name, x); err != nil {
			return err
		}
	}
	return m.emit(n, axes[len(axes)-1], x)
}
