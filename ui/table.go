package ui

import "slices"

// column is a column of a table.
type column struct {
	title string
	width int
	right bool // aligned to the right
	end   bool // cut at the beginning, keeping the telling end
	near  bool // belongs to the column before: one blank between them

	least  int // width it can be narrowed to
	yields int // rank at which it is, before fields of lower ranks go; 0: it never is
}

// cell is one field of a row: text in one ink.
type cell struct {
	text string
	ink  ink
}

func (c column) fit(text string) string {
	if c.end {
		return fitEnd(text, c.width)
	}
	return fit(text, c.width, c.right)
}

// field is a column that knows what to show of a row.
type field[Row any] struct {
	column
	rank int // fields of the highest rank go first where the terminal is narrow; 0 never goes
	cell func(Row) cell
}

// table lays out rows in the fields that a width has room for.
type table[Row any] struct {
	look   *look
	fields []field[Row]
	width  int
	gap    int // blanks between columns
}

// drop leaves out the fields of a rank.
func (t *table[Row]) drop(rank int) {
	t.fields = slices.DeleteFunc(t.fields, func(f field[Row]) bool { return f.rank == rank })
}

// keep lets the fields of a rank stay however narrow the terminal is.
func (t *table[Row]) keep(rank int) {
	for i := range t.fields {
		if f := &t.fields[i]; f.rank == rank {
			f.rank = 0
		}
	}
}

// spare is how many cells the fields leave; negative if they do not fit. The last
// column of the terminal stays empty.
func (t *table[Row]) spare() int {
	n := t.width - 1
	for i, f := range t.fields {
		n -= f.width + t.blanks(i)
	}
	return n
}

func (t *table[Row]) blanks(i int) int {
	switch {
	case i == 0:
		return 0
	case t.fields[i].near:
		return min(1, t.gap)
	}
	return t.gap
}

// shrink leaves fields out and narrows columns, the least needed first, until what is left fits.
func (t *table[Row]) shrink() {
	for t.spare() < 0 {
		rank := 0
		for _, f := range t.fields {
			rank = max(rank, f.rank)
			if f.least < f.width {
				rank = max(rank, f.yields)
			}
		}
		if rank == 0 {
			return
		}
		t.drop(rank)
		for i := range t.fields {
			if f := &t.fields[i]; f.yields == rank {
				f.width = max(min(f.least, f.width), f.width+min(0, t.spare()))
			}
		}
	}
}

// grow widens a field as far as there is room, at most to a width.
func (t *table[Row]) grow(title string, most int) {
	for i := range t.fields {
		if f := &t.fields[i]; f.title == title {
			f.width += max(0, min(t.spare(), most-f.width))
		}
	}
}

// header draws the titles.
func (t *table[Row]) header() string {
	var b line
	for i, f := range t.fields {
		b.to(b.width+t.blanks(i)).put(t.look.dim, f.fit(f.title))
	}
	return b.cut(t.width)
}

// row draws one row; the one under the cursor in one ink over the whole width.
func (t *table[Row]) row(of Row, selected bool) string {
	var b line
	if selected {
		b.only = &t.look.cursor
	}
	for i, f := range t.fields {
		c := f.cell(of)
		b.to(b.width+t.blanks(i)).put(c.ink, f.fit(c.text))
	}
	if selected {
		b.to(t.width)
	}
	return b.cut(t.width)
}
