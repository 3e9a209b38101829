// Package ui is galen's terminal interface: it shows snapshots of searches and
// sends them commands. It holds no search logic; everything it knows comes from a
// Workbench.
package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"galen/engine"
	"galen/engine/steering"
	"galen/store"
)

// Workbench is what the interface needs of the engine. Its methods are called from
// several goroutines. Their errors are shown as they are: they should say what was
// tried and what to do.
type Workbench interface {
	// Runs lists the stored runs, newest first.
	Runs() ([]*store.Run, error)
	// Start begins a search in its own goroutine.
	Start(engine.Settings) (runID string, err error)
	// Resume continues a stored run in its own goroutine.
	Resume(runID string) error
	// View reads a run that is not being searched from the store.
	View(runID string) (*engine.Snapshot, error)
	// Active is the run being searched; empty if there is none.
	Active() (runID string)
	// Wait blocks until the active search has published a version greater than
	// after, and returns the newest. A search's last snapshot, in a state that is
	// not live, is still returned when the search has ended. Versions grow from one
	// search to the next, whoever starts them.
	Wait(ctx context.Context, after uint64) (*engine.Snapshot, error)
	// Send gives the active search a command and returns once it was applied or
	// refused.
	Send(ctx context.Context, c steering.Command) error
	// Episode returns a run, by its name or id, with one of its episodes; 0: the best, nil if there is none.
	Episode(nameOrID string, number int) (*engine.Snapshot, *store.Episode, error)
	// Checkup tries settings out before a run.
	Checkup(ctx context.Context, s engine.Settings) (*engine.Checkup, error)
	// Fork copies a run up to an episode (0: all) into a new one, named if name is not empty.
	Fork(runID string, episode int, name string) (*store.Run, error)
	// Rename gives a run a name and returns it, with a number appended if it was taken.
	Rename(runID, name string) (string, error)
	// Log returns the latest lines of what was noted about the searches.
	Log() ([]string, error)
	// Delete removes a run that is not being searched.
	Delete(runID string) error
	// Export writes an episode's network, and its policy where that path is not empty.
	Export(ctx context.Context, runID string, episode int, onnxPath, policyPath string) (*store.Episode, error)
}

// Options say how the interface starts and what it may draw.
type Options struct {
	Open     string // run to show at once; empty: the list of runs
	Who      string // for the journal; empty: the user's name
	Database string // what commands to copy pass as --db; empty: nothing
	NoMouse  bool   // leave the mouse to the terminal, for selecting text
	NoColor  bool   // no colours even where the terminal has them
	ASCII    bool   // no blocks, braille or arrows even where the locale has them

	Input  io.Reader // nil: the terminal
	Output io.Writer // nil: the terminal
}

// snapshotInterval is how often the state of a search is shown anew at most. What takes many bytes
// is slowed further: see pace.
const snapshotInterval = 200 * time.Millisecond

// Run shows the interface until the user quits or ctx ends. A search that is under way
// goes on unless the user said otherwise.
func Run(ctx context.Context, w Workbench, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	if o.Who == "" {
		o.Who = UserName()
	}
	if o.Output == nil {
		o.Output = os.Stdout
	}
	renderer := lipgloss.NewRenderer(o.Output)
	if o.NoColor {
		renderer.SetColorProfile(termenv.Ascii)
	}
	look := newLook(renderer, o.ASCII || !unicodeTerminal(os.Getenv))

	// Signals end ctx. A handler of Bubble Tea's own would, when it loses that race, wait forever for
	// its message to be taken, and the end of the program for it.
	program := []tea.ProgramOption{tea.WithAltScreen(), tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithOutput(o.Output)}
	if !o.NoMouse {
		program = append(program, tea.WithMouseCellMotion())
	}
	if o.Input != nil {
		program = append(program, tea.WithInput(o.Input))
	}
	m := newModel(ctx, w, o, look, time.Now)
	m.copy = renderer.Output().Copy // by the control sequence OSC 52, which also reaches through SSH
	p := tea.NewProgram(m, program...)
	b := &bridge{wait: w.Wait, send: p.Send, interval: snapshotInterval}
	var following sync.WaitGroup
	following.Go(func() { b.carry(ctx) })
	_, err := p.Run()
	cancel()
	following.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("terminal interface: %w", err)
	}
	return nil
}

// UserName is who gives commands here, for the journal.
func UserName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "you"
}
