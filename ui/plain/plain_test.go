package plain

import (
	"bytes"
	"errors"
	"testing"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"layer1.0.conv1 ± ⚯ 漢字":               "layer1.0.conv1 ± ⚯ 漢字",
		"\x1b[31mred\x1b[0m\x1b]0;title\x07":  "[31mred[0m]0;title",
		"line\nbreak\ttab\rreturn":            "line break tab return",
		"8 bits \u009b2J, \x7f and \u202egnp": "8 bits 2J,  and gnp",
		"no \xff UTF-8":                       "no ? UTF-8",
	} {
		if got := Line(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := Lines("a\x1bb\nc\td"); got != "ab\nc d" {
		t.Errorf("lines become %q", got)
	}
}

func TestFprintf(t *testing.T) {
	type state string
	var out bytes.Buffer
	if _, err := Fprintf(&out, "\x1b[K%s\t%s\t%-4s|%v\t%d\n", "a\tb", state("c\nd"), "e", errors.New("f\x1bg"), 7); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[Ka b\tc d\te   |fg\t7\n"; out.String() != want {
		t.Errorf("it prints %q, want %q", out.String(), want)
	}
}
