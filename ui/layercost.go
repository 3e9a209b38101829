package ui

import (
	"fmt"

	"galen/hw/graph"
)

// costRow is a line of the table of what each choice would cost a layer.
type costRow struct {
	name string
	of   map[int]string // by bits
	ink  ink
}

// forecast is what each choice would cost the layer, timed by itself: milliseconds by channels and
// bits, and for the whole layer its time relative to float and the kernel that runs it. It is nil
// if that was not timed.
func (i *inspector) forecast(width int) []string {
	l, s := i.d.s.look, i.d.snap
	costs := s.Costs[s.Layers[i.d.list.at].Name]
	if len(costs) == 0 {
		return nil
	}
	ms := millis(3)
	var bits []int
	rows := []*costRow{}
	whole, float := &costRow{name: "kernel", of: map[int]string{}, ink: l.dim}, costs[0]
	relative := &costRow{name: "of fp32", of: map[int]string{}, ink: l.accent}
	for n, c := range costs {
		if n == 0 || c.Kept != costs[n-1].Kept {
			rows = append(rows, &costRow{name: fmt.Sprintf("%d ch", c.Kept), of: map[int]string{}, ink: l.plain})
		}
		rows[len(rows)-1].of[c.Bits] = ms.format(c.MS)
		if c.Kept == float.Kept {
			bits = append(bits, c.Bits)
			whole.of[c.Bits] = c.Kernel
			relative.of[c.Bits] = fmt.Sprintf("%.2f", c.MS/float.MS)
		}
	}
	t := &table[*costRow]{look: l, width: width, gap: 1, fields: []field[*costRow]{
		{column{width: 7, right: true}, 0, func(r *costRow) cell { return cell{r.name, l.dim} }},
	}}
	for n, b := range bits {
		t.fields = append(t.fields, field[*costRow]{column{title: precision(b), width: 5, right: true}, spareRank(n, len(bits)), func(r *costRow) cell { return cell{r.of[b], r.ink} }})
	}
	t.shrink()
	out := []string{new(line).put(l.strong, " what each choice would cost").put(l.dim, "   ms, timed alone").cut(width), t.header()}
	for _, r := range append(rows, relative, whole) {
		out = append(out, t.row(r, false))
	}
	return out
}

// spareRank is how readily a column of bits gives way: float, int8 and the fewest never do, and of
// the others every second goes before its neighbours.
func spareRank(n, of int) int {
	if n < 2 || n == of-1 {
		return 0
	}
	return 1 + (of-n)%2*of + n
}

func precision(bits int) string {
	switch bits {
	case graph.FloatBits:
		return "fp32"
	case 8:
		return "int8"
	}
	return fmt.Sprintf("w%da%d", bits, bits)
}
