package ui

// column is a column of a table.
type column struct {
	title string
	width int
	right bool // aligned to the right
	end   bool // cut at the beginning, keeping the telling end
	near  bool // belongs to the column before: one blank between them
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

// blanks is how many cells separate a column from the one before.
func (c column) blanks(gap int) int {
	if c.near {
		return 1
	}
	return gap
}

// header draws the titles of columns.
func (l *look) header(columns []column, gap, width int) string {
	var b line
	for i, c := range columns {
		if i > 0 {
			b.to(b.width + c.blanks(gap))
		}
		b.put(l.dim, c.fit(c.title))
	}
	return b.cut(width)
}

// row draws cells under columns; the row under the cursor is drawn in one ink over
// its whole width.
func (l *look) row(columns []column, cells []cell, gap, width int, selected bool) string {
	var b line
	if selected {
		b.only = &l.cursor
	}
	for i, c := range columns {
		if i > 0 {
			b.to(b.width + c.blanks(gap))
		}
		b.put(cells[i].ink, c.fit(cells[i].text))
	}
	if selected {
		b.to(width)
	}
	return b.cut(width)
}
