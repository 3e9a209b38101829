package wholefile

import (
	"fmt"
	"os"
	"path/filepath"
)

// CheckOutputs tells, before there is any work to lose, whether files can be written; none may replace an input or
// another output. Empty paths name no file.
func CheckOutputs(outputs, inputs []string) error {
	for i, path := range outputs {
		if path == "" {
			continue
		}
		for _, input := range inputs {
			if sameFile(path, input) {
				return fmt.Errorf("the output would replace %s: name another file", input)
			}
		}
		for _, other := range outputs[:i] {
			if samePath(path, other) {
				return fmt.Errorf("two outputs would go to %s: name another file for one of them", path)
			}
		}
		if err := Check(path); err != nil {
			return err
		}
	}
	return nil
}

// sameFile tells whether two paths name one file that is there.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// samePath tells whether two paths lead to one place, where there need not be anything.
func samePath(a, b string) bool {
	x, err := filepath.Abs(a)
	if err != nil {
		return false
	}
	y, err := filepath.Abs(b)
	return err == nil && x == y
}
