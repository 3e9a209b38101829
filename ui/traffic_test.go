package ui

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"galen/engine"
)

// counting is a terminal that counts what it is sent and tells when something arrives.
type counting struct {
	bytes   atomic.Int64
	arrived chan time.Time // nil: nobody waits
}

func (c *counting) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	select {
	case c.arrived <- time.Now():
	default:
	}
	return len(p), nil
}

// perform runs the interface on a dashboard of 160×50 cells that shows a search.
func perform(t testing.TB, input io.Reader, output io.Writer, snap *engine.Snapshot) (p *tea.Program, end func()) {
	w := &fakeWorkbench{runs: sampleRuns(), active: snap.Run.ID}
	m := newModel(context.Background(), w, Options{Open: snap.Run.ID}, testLook(termenv.ANSI256, true, false), time.Now)
	p = tea.NewProgram(m, tea.WithInput(input), tea.WithOutput(output), tea.WithAltScreen(), tea.WithoutSignalHandler())
	var running sync.WaitGroup
	running.Go(func() {
		if _, err := p.Run(); err != nil {
			t.Error(err)
		}
	})
	p.Send(tea.WindowSizeMsg{Width: 160, Height: 50})
	p.Send(snapshotMsg{snap})
	time.Sleep(300 * time.Millisecond) // the first frame, whole
	return p, func() { p.Quit(); running.Wait() }
}

// TestASlowLineIsEnough counts the bytes a running search sends to the terminal when an
// episode takes two seconds, when it takes a fifth of one, and those of one that is paused.
func TestASlowLineIsEnough(t *testing.T) {
	full := sampleSnapshot(20, 136)
	output := &counting{}
	p, end := perform(t, blocked{}, output, full)
	const seconds, each = 4, int(time.Second / snapshotInterval)
	version, elapsed := full.Version, full.Elapsed
	for _, perSecond := range []float64{0.5, 5} {
		before := output.bytes.Load()
		for i := range seconds * each {
			s := *full
			s.Episodes = full.Episodes[:100+int(float64(i)*perSecond/float64(each))]
			s.Episode, s.Step, s.Done = len(s.Episodes)+1, i*7%20, i*7%20
			s.Activity = []string{"deciding", "compressing", "scoring", "measuring"}[i%4]
			elapsed += snapshotInterval
			version++
			s.Elapsed, s.Version = elapsed, version
			p.Send(snapshotMsg{&s})
			time.Sleep(snapshotInterval)
		}
		running := float64(output.bytes.Load()-before) / seconds
		t.Logf("%.1f KB/s at %g episodes a second", running/1000, perSecond)
		if running < 100 || running > 15_000 {
			t.Errorf("a search of %g episodes a second sends %.0f bytes/s", perSecond, running)
		}
	}
	paused := sampleAs(engine.Paused, 136)
	p.Send(snapshotMsg{paused})
	time.Sleep(500 * time.Millisecond)
	before := output.bytes.Load()
	for range 10 {
		p.Send(snapshotMsg{paused})
		time.Sleep(100 * time.Millisecond)
	}
	idle := output.bytes.Load() - before
	end()
	if idle > 0 {
		t.Errorf("a paused search sends %d bytes/s", idle)
	}
}

// BenchmarkKeyToFrame types while every core is kept busy by another process, as a search
// does, and ten snapshots a second arrive.
func BenchmarkKeyToFrame(b *testing.B) {
	for range runtime.NumCPU() {
		busy := exec.Command("sh", "-c", "while :; do :; done")
		if err := busy.Start(); err != nil {
			b.Skip(err)
		}
		defer func() { _ = busy.Process.Kill(); _ = busy.Wait() }()
	}
	input, keyboard := io.Pipe()
	output := &counting{arrived: make(chan time.Time)}
	snap := sampleSnapshot(20, 136)
	p, end := perform(b, input, output, snap)
	defer end()
	var took []time.Duration
	b.ResetTimer()
	for i := range b.N {
		if i%3 == 0 {
			p.Send(snapshotMsg{snap})
		}
		time.Sleep(30 * time.Millisecond)
		key := "j"
		if i/15%2 == 1 {
			key = "k"
		}
		began := time.Now()
		_, _ = io.Copy(keyboard, strings.NewReader(key)) // the pipe is open until the end
		select {
		case at := <-output.arrived:
			took = append(took, at.Sub(began))
		case <-time.After(time.Second): // the cursor was at an end
		}
	}
	slices.Sort(took)
	at := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1000 }
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
}

// BenchmarkEpisodes draws the list of ten thousand episodes while the search goes on.
func BenchmarkEpisodes(b *testing.B) {
	for _, keys := range [][]string{{"e"}, {"J"}, {"D"}, {"enter"}} {
		for _, fresh := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/fresh=%v", keys[0], fresh), func(b *testing.B) {
				s := newStage(b, &fakeWorkbench{}, testLook(termenv.ANSI256, true, false), 160, 50)
				snap := manyEpisodes()
				s.openLive(snap)
				s.press(keys...)
				b.ResetTimer()
				for i := range b.N {
					if fresh {
						next := *snap
						next.Episodes = snap.Episodes[:9000+i%1000]
						s.model.Update(snapshotMsg{&next})
					}
					s.model.View()
				}
			})
		}
	}
}
