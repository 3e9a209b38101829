package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"sync"
	"time"

	"galen/engine"
	"galen/engine/steering"
	"galen/hw"
	"galen/store"
)

// ErrNobody means that no process serves the database.
var ErrNobody = errors.New("no galen serves this store")

// Client is the workbench of another process. It has the methods of [engine.Workbench];
// they may be called from any goroutine.
type Client struct {
	rpc      *rpc.Client
	pid      int
	database string

	mu     sync.Mutex
	latest *engine.Snapshot // assembled
	layers int              // generation of its layers
	lost   error            // the other process is, which is for good
}

// Dial reaches the process that serves a database; [ErrNobody].
func Dial(database string) (*Client, error) {
	path, err := socketPath(database)
	if err != nil {
		return nil, fmt.Errorf("reach the owner of %s: %w", database, err)
	}
	connection, err := net.Dial("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNobody, err)
	}
	c := &Client{rpc: rpc.NewClient(connection), database: database}
	if err := c.greet(connection, answerTime); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// answerTime is how long the owner of a database may take to say who it is.
const answerTime = 10 * time.Second

// greet asks who is at the other end of the connection, and makes sure of being understood.
func (c *Client) greet(connection net.Conn, patience time.Duration) error {
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var owner Owner
	err := c.call("Hello", struct{}{}, &owner)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the process that holds %s does not answer; if it is suspended, continue it with fg, or stop it", c.database)
	}
	if err != nil {
		return err
	}
	if owner.Protocol != protocol {
		return fmt.Errorf("process %d, galen %s, serves %s; this is galen %s, which does not understand it: use that one, or stop it first", owner.PID, owner.Version, c.database, hw.Version())
	}
	c.pid = owner.PID
	return connection.SetDeadline(time.Time{})
}

// PID is the process that owns the database.
func (c *Client) PID() int { return c.pid }

// Close leaves the other process alone.
func (c *Client) Close() error {
	if err := c.rpc.Close(); err != nil && !errors.Is(err, rpc.ErrShutdown) {
		return err
	}
	return nil
}

func (c *Client) call(method string, arguments, reply any) error {
	return c.explain(c.rpc.Call(service+"."+method, arguments, reply))
}

// explain tells what the other process answered from the loss of it, which is always put in the same words.
func (c *Client) explain(err error) error {
	var answer rpc.ServerError
	if err == nil || errors.As(err, &answer) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost == nil {
		c.lost = fmt.Errorf("the process that searched (%d) is gone (%w); what is finished is stored: start galen again and resume the run", c.pid, err)
	}
	return c.lost
}

// Log is [engine.Workbench.Log]: the file is at hand, also when the other process is gone.
func (c *Client) Log() ([]string, error) { return engine.ReadLog(c.database) }

// Runs is [engine.Workbench.Runs].
func (c *Client) Runs() (runs []*store.Run, err error) {
	return runs, c.call("Runs", struct{}{}, &runs)
}

// Find is [engine.Workbench.Find].
func (c *Client) Find(nameOrID string) (*store.Run, error) {
	run := new(store.Run)
	return run, c.call("Find", nameOrID, run)
}

// Active is [engine.Workbench.Active]; empty too if the other process is gone.
func (c *Client) Active() (run string) {
	_ = c.call("Active", struct{}{}, &run)
	return run
}

// Start is [engine.Workbench.Start].
func (c *Client) Start(s engine.Settings) (run string, err error) {
	if s, err = s.Resolved(); err != nil {
		return "", err
	}
	return run, c.call("Start", s, &run)
}

// Resume is [engine.Workbench.Resume].
func (c *Client) Resume(nameOrID string) error { return c.call("Resume", nameOrID, &struct{}{}) }

// View is [engine.Workbench.View].
func (c *Client) View(nameOrID string) (*engine.Snapshot, error) {
	s := new(engine.Snapshot)
	if err := c.call("View", nameOrID, s); err != nil {
		return nil, err
	}
	if s.Best != nil {
		s.Best = episode(s.Episodes, s.Best.Number)
	}
	return s, nil
}

// Episode is [engine.Workbench.Episode].
func (c *Client) Episode(nameOrID string, number int) (*engine.Snapshot, *store.Episode, error) {
	var r EpisodeReply
	err := c.call("Episode", RunRef{Run: nameOrID, Number: number}, &r)
	return r.Snapshot, r.Episode, err
}

// Export is [engine.Workbench.Export]; the other process writes the files.
func (c *Client) Export(ctx context.Context, nameOrID string, number int, onnxPath, policyPath string) (*store.Episode, error) {
	for _, path := range []*string{&onnxPath, &policyPath} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, fmt.Errorf("locate %s: %w", *path, err)
		}
		*path = absolute
	}
	e := new(store.Episode)
	return e, c.callContext(ctx, "Export", ExportRequest{nameOrID, number, onnxPath, policyPath}, e)
}

// Fork is [engine.Workbench.Fork].
func (c *Client) Fork(nameOrID string, episode int, name string) (*store.Run, error) {
	run := new(store.Run)
	return run, c.call("Fork", RunRef{nameOrID, episode, name}, run)
}

// Checkup is [engine.Workbench.Checkup].
func (c *Client) Checkup(ctx context.Context, s engine.Settings) (*engine.Checkup, error) {
	s, err := s.Resolved()
	if err != nil {
		return nil, err
	}
	found := new(engine.Checkup)
	return found, c.callContext(ctx, "Checkup", s, found)
}

// Rename is [engine.Workbench.Rename].
func (c *Client) Rename(nameOrID, name string) (given string, err error) {
	return given, c.call("Rename", RunRef{Run: nameOrID, Name: name}, &given)
}

// Delete is [engine.Workbench.Delete].
func (c *Client) Delete(nameOrID string) error { return c.call("Delete", nameOrID, &struct{}{}) }

// Send is [engine.Workbench.Send].
func (c *Client) Send(ctx context.Context, command steering.Command) error {
	return c.callContext(ctx, "Send", command, &struct{}{})
}

// callContext is call, given up when ctx ends; the other process then answers to nobody.
func (c *Client) callContext(ctx context.Context, method string, arguments, reply any) error {
	call := c.rpc.Go(service+"."+method, arguments, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return c.explain(call.Error)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait is [engine.Workbench.Wait]. One goroutine should follow a client's snapshots.
func (c *Client) Wait(ctx context.Context, after uint64) (*engine.Snapshot, error) {
	c.mu.Lock()
	latest, known := c.latest, seen(after, c.latest, c.layers)
	c.mu.Unlock()
	var u Update
	if err := c.callContext(ctx, "Wait", known, &u); err != nil {
		return nil, err
	}
	s := known.with(u, latest)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest, c.layers = s, u.Layers
	return s, nil
}
