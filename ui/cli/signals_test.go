package cli

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen/engine"
)

// TestIgnoredHangUpStaysIgnored hangs up on a search that was started as nohup does it.
func TestIgnoredHangUpStaysIgnored(t *testing.T) {
	search := slices.Concat([]string{"-c", `trap "" HUP; exec "$@"`, "sh", program(t)}, shortSearch(t),
		[]string{"--json", "--episodes", "100000", "--db", filepath.Join(t.TempDir(), "galen.db")})
	galen := exec.Command("sh", search...)
	out, err := galen.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := galen.Start(); err != nil {
		t.Fatal(err)
	}
	defer galen.Process.Kill()
	lines, episodes := bufio.NewScanner(out), 0
	for lines.Scan() {
		if !strings.Contains(lines.Text(), `"event":"episode"`) {
			continue
		}
		switch episodes++; episodes {
		case 1:
			err = galen.Process.Signal(syscall.SIGHUP)
		case 50:
			err = galen.Process.Signal(os.Interrupt)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := galen.Wait(); err != nil || episodes < 50 {
		t.Errorf("it ends after %d episodes, %v", episodes, err)
	}
}

// TestSecondInterruptEnds interrupts a command that waits for a galen that does not answer.
func TestSecondInterruptEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "galen.db")
	suspended, err := net.Listen("unix", path+".sock")
	if err != nil {
		t.Fatal(err)
	}
	defer suspended.Close()
	galen := exec.Command(program(t), "runs", "--db", path)
	if err := galen.Start(); err != nil {
		t.Fatal(err)
	}
	defer galen.Process.Kill()
	connection, err := suspended.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	ended := make(chan error, 1)
	go func() { ended <- galen.Wait() }()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_ = galen.Process.Signal(os.Interrupt) // it may have ended
		select {
		case <-ended:
			return
		default:
		}
	}
	t.Error("it cannot be interrupted")
}

// TestSearchThatCannotBePaused leaves a search in a process that is suspended.
func TestSearchThatCannotBePaused(t *testing.T) {
	b := serve(t, program(t))
	s := engine.DefaultSettings()
	s.Model, s.Data = smallModel(t)
	s.Device, s.Episodes = "roofline:", 100000
	run, err := b.client.Start(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("goes on in process %d", b.process.Process.Pid)
	if err := pause(b.client, run, 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	if err := b.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := pause(b.client, run, time.Minute); err != nil {
		t.Error(err)
	}
}
