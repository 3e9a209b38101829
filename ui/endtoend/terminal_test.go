package endtoend

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"galen/engine/remote"
)

// patience is how long anything may take, on a busy machine too.
const patience = 60 * time.Second

// program is galen with a store of its own, and the tmux server its terminals live in.
type program struct {
	t        *testing.T
	path     string
	database string
	socket   string
	opened   int
}

// build compiles galen and opens a tmux server for its terminals.
func build(t *testing.T) *program {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a whole search")
	}
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed: nothing was driven in a terminal (apt-get install tmux)")
	}
	folder := t.TempDir()
	p := &program{t: t, path: filepath.Join(folder, "galen"), database: filepath.Join(folder, "data", "galen", "galen.db"), socket: filepath.Join(folder, "tmux")}
	if out, err := exec.Command("go", "build", "-o", p.path, "galen").CombinedOutput(); err != nil {
		t.Fatalf("build galen: %v\n%s", err, out)
	}
	t.Cleanup(p.end)
	return p
}

// end leaves nothing behind, however far the test came.
func (p *program) end() {
	_ = exec.Command("tmux", "-S", p.socket, "kill-server").Run()
	if c, err := remote.Dial(p.database); err == nil {
		_ = syscall.Kill(c.PID(), syscall.SIGKILL)
		c.Close()
	}
}

// run is what a command of galen prints.
func (p *program) run(arguments ...string) string {
	p.t.Helper()
	out, err := exec.Command(p.path, append(arguments, "--db", p.database)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("galen %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

func (p *program) tmux(arguments ...string) string {
	p.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", p.socket, "-f", "/dev/null"}, arguments...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// terminal is a terminal with galen in it.
type terminal struct {
	*program
	name string
	pid  int // of the galen in it
}

// open starts galen in a new terminal.
func (p *program) open(width, height int, arguments ...string) *terminal {
	p.t.Helper()
	return p.start(width, height, append([]string{p.path}, append(arguments, "--db", p.database)...)...)
}

// shell opens a terminal with a shell that finds galen, and galen its store.
func (p *program) shell(width, height int) *terminal {
	p.t.Helper()
	folder := filepath.Dir(p.path)
	return p.start(width, height, "PATH="+folder+":"+os.Getenv("PATH"), "XDG_DATA_HOME="+filepath.Join(folder, "data"), "HOME="+folder, "PS1='$ '", "sh", "-i")
}

// start runs a command, after settings of its environment, in a new terminal.
func (p *program) start(width, height int, command ...string) *terminal {
	p.t.Helper()
	p.opened++
	w := &terminal{program: p, name: fmt.Sprintf("t%d", p.opened)}
	line := "exec env LC_ALL=C.UTF-8 TERM=screen-256color " + strings.Join(command, " ")
	p.tmux("new-session", "-d", "-s", w.name, "-x", strconv.Itoa(width), "-y", strconv.Itoa(height), "-c", filepath.Dir(p.path), line, ";",
		"set-option", "-t", w.name, "remain-on-exit", "on")
	pid, err := strconv.Atoi(strings.TrimSpace(p.tmux("display-message", "-p", "-t", w.name, "#{pane_pid}")))
	if err != nil {
		p.t.Fatal(err)
	}
	w.pid = pid
	return w
}

// screen is the text on the terminal.
func (w *terminal) screen() string { return w.tmux("capture-pane", "-p", "-t", w.name) }

// press types keys, named as tmux names them.
func (w *terminal) press(keys ...string) {
	w.t.Helper()
	w.tmux(append([]string{"send-keys", "-t", w.name}, keys...)...)
}

// sees waits until all texts stand on the screen.
func (w *terminal) sees(texts ...string) {
	w.t.Helper()
	w.until(fmt.Sprintf("%q on the screen", texts), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// until waits for a condition on the screen.
func (w *terminal) until(what string, ok func(screen string) bool) {
	w.t.Helper()
	screen := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if screen = w.screen(); ok(screen) {
			return
		}
	}
	w.t.Fatalf("%s: waited in vain for %s:\n%s", w.name, what, screen)
}

// dies waits until the galen in the terminal has ended.
func (w *terminal) dies() {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if strings.TrimSpace(w.tmux("display-message", "-p", "-t", w.name, "#{pane_dead}")) == "1" {
			return
		}
	}
	w.t.Fatalf("%s: galen did not end:\n%s", w.name, w.screen())
}

// kill sends the galen in the terminal a signal.
func (w *terminal) kill(s syscall.Signal) {
	w.t.Helper()
	if err := syscall.Kill(w.pid, s); err != nil {
		w.t.Fatal(err)
	}
	w.dies()
}

// exists tells whether a file has content.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}
