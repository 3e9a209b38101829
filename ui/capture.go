package ui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// savedMsg says where the screen was written.
type savedMsg struct {
	path string
	err  error
}

// capture writes what is on the screen, without its colours, to a new file in the
// working directory.
func (m *model) capture() tea.Cmd {
	text := ansi.Strip(m.View()) + "\n"
	name := m.clock().Format("galen-20060102-150405")
	return func() tea.Msg {
		for n := 1; ; n++ {
			path := name + ".txt"
			if n > 1 {
				path = fmt.Sprintf("%s-%d.txt", name, n)
			}
			err := writeNew(path, text)
			if errors.Is(err, os.ErrExist) {
				continue
			}
			if absolute, failed := filepath.Abs(path); failed == nil {
				path = absolute
			}
			return savedMsg{path, err}
		}
	}
}

func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("save the screen: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
