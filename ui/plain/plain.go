// Package plain makes text from outside safe to print. Names of layers, runs and devices come
// from files, and a control sequence in one would reach the terminal.
package plain

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line is text on one line: with blanks for line ends and tabs, and without other control
// characters.
func Line(text string) string {
	if strings.IndexFunc(text, special) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// special tells what a line must not hold as it is.
func special(r rune) bool {
	return r < ' ' || r > '~' && (r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

// Lines is text whose lines are as [Line] makes them.
func Lines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Line(line)
	}
	return strings.Join(lines, "\n")
}

// Fprintf is [fmt.Fprintf] with all arguments that are text on one line, as [Line] makes it. So
// each stays in its place in a table, too.
func Fprintf(out io.Writer, format string, arguments ...any) (int, error) {
	for i, a := range arguments {
		switch a.(type) {
		case error, fmt.Stringer:
			arguments[i] = Line(fmt.Sprint(a))
		default:
			if v := reflect.ValueOf(a); v.Kind() == reflect.String {
				arguments[i] = Line(v.String())
			}
		}
	}
	return fmt.Fprintf(out, format, arguments...)
}
