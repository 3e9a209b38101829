package ui

// dashboardLayout is how the lines of a dashboard are shared out.
type dashboardLayout struct {
	compact bool // results in two lines instead of beside charts
	results int  // lines of results and charts
	rows    int  // layers that are visible
	journal int  // lines of journal, without the rule above it
}

const (
	compactBelowWidth  = 100
	compactBelowHeight = 28
	mostResults        = 12
	mostJournal        = 8
	tallResults        = 20 // where nothing else has a use for the lines
)

// arrange shares out the lines of a dashboard. Layers come first; what they leave
// goes to the charts and the journal.
func arrange(width, height, layers int) dashboardLayout {
	const fixed = 5 // header, progress, title of the table, its columns, its totals
	if width < compactBelowWidth || height < compactBelowHeight {
		return dashboardLayout{compact: true, results: 2, rows: max(1, height-fixed-2)}
	}
	l := dashboardLayout{results: 4, journal: 1}
	spare := height - fixed - l.results - l.journal - 1 - layers
	for spare > 0 && (l.results < mostResults || l.journal < mostJournal) {
		// The charts gain two lines for each of the journal.
		if l.results < mostResults && (l.results-4 < 2*l.journal || l.journal == mostJournal) {
			l.results++
		} else {
			l.journal++
		}
		spare--
	}
	if spare > 0 {
		l.results = min(l.results+spare, tallResults)
	}
	l.rows = max(1, height-fixed-l.results-l.journal-1)
	return l
}
