package picture

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"
)

func wellFormed(t *testing.T, drawing string) {
	t.Helper()
	var any struct{}
	if err := xml.Unmarshal([]byte(drawing), &any); err != nil {
		t.Errorf("%v:\n%s", err, drawing)
	}
}

func TestAStillIsTextShapesAndColours(t *testing.T) {
	got := Still("\x1b[1m\x1b[38;5;117mbold & blue\x1b[0m  plain\n\x1b[48;5;237m▸ row  \x1b[49m  ██▌⣿⣿┄┄ ★", 40, 2)
	wellFormed(t, got)
	for _, part := range []string{
		`fill="#87d7ff" font-weight="bold"`, ">bold &amp; blue</text>", ">plain</text>",
		`fill="#3a3a3a" d="M0 17h56v17h-56z"`, // behind the whole row, as one
		"M1 22l6 4-6 4z",                      // the cursor
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in\n%s", part, got)
		}
	}
	if strings.ContainsAny(got, "█▌⣿┄▸") {
		t.Errorf("shapes are left to fonts:\n%s", got)
	}
	if strings.Contains(got, "@keyframes") {
		t.Errorf("a still moves:\n%s", got)
	}
}

func TestAFilmDrawsWhatStaysOnce(t *testing.T) {
	got := Film([]Frame{{"same  one", time.Second}, {"same  two", time.Second}, {"same  one", 2 * time.Second}}, 20, 1, 1)
	wellFormed(t, got)
	for part, times := range map[string]int{
		">same</text>": 1, ">one</text>": 1, ">two</text>": 1, "@keyframes": 2,
		"{0%{visibility:visible}25%{visibility:hidden}50%{visibility:visible}}": 1,
		"{0%{visibility:hidden}25%{visibility:visible}50%{visibility:hidden}}":  1,
		`class="k p"`: 1, "animation:4s": 1,
	} {
		if n := strings.Count(got, part); n != times {
			t.Errorf("%s is there %d times instead of %d:\n%s", part, n, times, got)
		}
	}
}

func TestInksGoOnOverTheEndOfALine(t *testing.T) {
	got := pieces("\x1b[1mone\ntwo\x1b[0m three four  five")
	want := []piece{
		{0, 0, 3, ink{bold: true}, "one"}, {1, 0, 3, ink{bold: true}, "two"},
		{1, 4, 10, ink{}, "three four"}, {1, 16, 4, ink{}, "five"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("piece %d is %v, want %v", i, got[i], want[i])
		}
	}
}
