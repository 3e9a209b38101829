package onnx

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// operatorsFile tells users what is imported.
var operatorsFile = filepath.Join("..", "..", "docs", "operators.md")

// section gives the part of operatorsFile under a heading.
func section(t *testing.T, heading string) string {
	t.Helper()
	content, err := os.ReadFile(operatorsFile)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(content), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", operatorsFile, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// table gives the cells of a section's rows, but its head.
func table(t *testing.T, heading string) [][]string {
	t.Helper()
	var rows [][]string
	for line := range strings.Lines(section(t, heading)) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) > 3 {
			rows = append(rows, cells[1:len(cells)-1])
		}
	}
	if len(rows) < 3 {
		t.Fatalf("%s has no table under %q", operatorsFile, heading)
	}
	return rows[2:]
}

// refusedCases are the conformance cases that users are told are refused, with what galen says.
func refusedCases(t *testing.T) map[string]string {
	t.Helper()
	cases := map[string]string{}
	for _, row := range table(t, "Refused") {
		for name := range strings.SplitSeq(row[0], ",") {
			cases[strings.TrimSpace(name)] = strings.Trim(row[1], " `")
		}
	}
	return cases
}

// Users are told of exactly the operators that are taken.
func TestOperatorsAreDocumented(t *testing.T) {
	var computed []string
	for _, row := range table(t, "Operators") {
		for name := range strings.SplitSeq(row[0], ",") {
			computed = append(computed, strings.TrimSpace(name))
		}
	}
	slices.Sort(computed)
	if want := slices.Sorted(maps.Keys(converters)); !slices.Equal(computed, want) {
		t.Errorf("the table lists %v, taken are %v", computed, want)
	}
	_, list, _ := strings.Cut(section(t, "Operators"), "these are computed at import:")
	folded := regexp.MustCompile(`[A-Za-z]+`).FindAllString(list, -1)
	if want := slices.Sorted(maps.Keys(folds)); !slices.Equal(folded, want) {
		t.Errorf("lists %v as computed at import, they are %v", folded, want)
	}
}
