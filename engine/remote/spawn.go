package remote

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"galen/engine"
)

// startTime is how long a server may take to answer.
const startTime = 10 * time.Second

// Connect reaches the process that serves a database and starts one in the background if
// there is none. That process belongs to no terminal and goes on without its clients
// as long as it has a search to work on.
func Connect(database string) (*Client, error) {
	c, err := Dial(database)
	if !errors.Is(err, ErrNobody) {
		return c, err
	}
	if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
		return nil, fmt.Errorf("make the store's folder: %w", err)
	}
	log, err := os.OpenFile(engine.LogPath(database), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find galen's own program: %w", err)
	}
	server := exec.Command(self, "serve", "--db", database)
	server.Stdout, server.Stderr = log, log
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return nil, fmt.Errorf("start galen in the background: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait() // its reason is in the log
	}()
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c, err = Dial(database); !errors.Is(err, ErrNobody) {
			return c, err
		}
		select {
		case <-ended:
			said, _ := io.ReadAll(io.NewSectionReader(log, before, 1<<20))
			return nil, errors.New(strings.TrimPrefix(strings.TrimSpace(string(said)), "galen: "))
		default:
		}
	}
	return nil, fmt.Errorf("galen in the background does not answer; see %s", log.Name())
}
