package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"sync"
	"syscall"
	"time"

	"galen/engine"
	"galen/engine/steering"
	"galen/hw"
	"galen/store"
)

// Server serves the workbench of one database to other processes.
type Server struct {
	workbench *engine.Workbench
	listener  net.Listener
	path      string      // of the socket
	socket    os.FileInfo // as it was made

	mu      sync.Mutex
	clients map[net.Conn]bool
	closed  bool
	left    time.Time // when the latest client went
	serving sync.WaitGroup
}

// Listen begins to serve the workbench of a database. The process must own the database:
// what is left of an earlier owner's socket is removed.
func Listen(database string, w *engine.Workbench) (*Server, error) {
	path, err := socketPath(database)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", database, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("serve %s: %w", database, err)
	}
	before := syscall.Umask(0o177) // the socket is its user's alone from the first moment
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	syscall.Umask(before)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", database, err)
	}
	listener.SetUnlinkOnClose(false) // Close looks whose it is
	socket, err := os.Lstat(path)
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("serve %s: %w", database, err)
	}
	s := &Server{workbench: w, listener: listener, path: path, socket: socket, clients: map[net.Conn]bool{}, left: time.Now()}
	s.serving.Go(s.accept)
	return s, nil
}

func (s *Server) accept() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			connection.Close()
		} else {
			s.clients[connection] = true
			s.serving.Go(func() { s.attend(connection) })
		}
		s.mu.Unlock()
	}
}

// attend answers one client until it goes, or the server is closed. What the client still
// waits for then is given up: ServeConn returns only when all its calls have.
func (s *Server) attend(connection net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server := rpc.NewServer()
	if err := server.RegisterName(service, &session{ctx: ctx, workbench: s.workbench}); err != nil {
		panic(err) // the methods below have the form net/rpc asks for
	}
	server.ServeConn(&watched{connection, cancel})
	s.mu.Lock()
	delete(s.clients, connection)
	s.left = time.Now()
	s.mu.Unlock()
}

// watched is a connection that tells when it has been lost.
type watched struct {
	net.Conn
	lost func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.lost()
	}
	return n, err
}

// Idle waits until nobody has needed the server for a while: no search works and no
// client is there. It returns early with ctx's error.
func (s *Server) Idle(ctx context.Context, patience time.Duration) error {
	tick := time.NewTicker(min(patience/4, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
		idle := len(s.clients) == 0 && time.Since(s.left) >= patience
		s.mu.Unlock()
		if idle && !s.workbench.Working() {
			return nil
		}
	}
}

// Close stops serving. Clients find the connection gone. The socket is removed, unless another one is in its
// place: somebody deleted the folder, and the next owner of a database there listens already.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for connection := range s.clients {
		connection.Close()
	}
	s.mu.Unlock()
	if there, err := os.Lstat(s.path); err == nil && os.SameFile(there, s.socket) {
		os.Remove(s.path)
	}
	err := s.listener.Close()
	s.serving.Wait()
	return err
}

// session is one client's view of the workbench. Its exported methods are the calls.
type session struct {
	ctx       context.Context // ends when the client goes
	workbench *engine.Workbench

	mu         sync.Mutex
	layers     []engine.Layer // the latest ones sent
	generation int
}

// Hello says who answers.
func (s *session) Hello(_ struct{}, reply *Owner) error {
	*reply = Owner{protocol, hw.Version(), os.Getpid()}
	return nil
}

// Runs is [engine.Workbench.Runs].
func (s *session) Runs(_ struct{}, reply *[]*store.Run) (err error) {
	*reply, err = s.workbench.Runs()
	return err
}

// Find is [engine.Workbench.Find].
func (s *session) Find(nameOrID string, reply *store.Run) error {
	run, err := s.workbench.Find(nameOrID)
	if err == nil {
		*reply = *run
	}
	return err
}

// Active is [engine.Workbench.Active].
func (s *session) Active(_ struct{}, reply *string) error {
	*reply = s.workbench.Active()
	return nil
}

// Start is [engine.Workbench.Start].
func (s *session) Start(settings engine.Settings, reply *string) (err error) {
	*reply, err = s.workbench.Start(settings)
	return err
}

// Resume is [engine.Workbench.Resume].
func (s *session) Resume(nameOrID string, _ *struct{}) error { return s.workbench.Resume(nameOrID) }

// View is [engine.Workbench.View].
func (s *session) View(nameOrID string, reply *engine.Snapshot) error {
	snapshot, err := s.workbench.View(nameOrID)
	if err == nil {
		*reply = *snapshot
	}
	return err
}

// Episode is [engine.Workbench.Episode].
func (s *session) Episode(of RunRef, reply *EpisodeReply) (err error) {
	reply.Snapshot, reply.Episode, err = s.workbench.Episode(of.Run, of.Number)
	return err
}

// Export is [engine.Workbench.Export].
func (s *session) Export(a ExportRequest, reply *store.Episode) error {
	e, err := s.workbench.Export(s.ctx, a.Run, a.Episode, a.ONNX, a.Policy)
	if err == nil {
		*reply = *e
	}
	return err
}

// Fork is [engine.Workbench.Fork].
func (s *session) Fork(of RunRef, reply *store.Run) error {
	run, err := s.workbench.Fork(of.Run, of.Number, of.Name)
	if err == nil {
		*reply = *run
	}
	return err
}

// Checkup is [engine.Workbench.Checkup].
func (s *session) Checkup(settings engine.Settings, reply *engine.Checkup) error {
	c, err := s.workbench.Checkup(s.ctx, settings)
	if err == nil {
		*reply = *c
	}
	return err
}

// Rename is [engine.Workbench.Rename].
func (s *session) Rename(of RunRef, reply *string) (err error) {
	*reply, err = s.workbench.Rename(of.Run, of.Name)
	return err
}

// Delete is [engine.Workbench.Delete].
func (s *session) Delete(nameOrID string, _ *struct{}) error { return s.workbench.Delete(nameOrID) }

// Send is [engine.Workbench.Send].
func (s *session) Send(c steering.Command, _ *struct{}) error { return s.workbench.Send(s.ctx, c) }

// Wait is [engine.Workbench.Wait], for what the client has not seen.
func (s *session) Wait(client Seen, reply *Update) error {
	snapshot, err := s.workbench.Wait(s.ctx, client.After)
	if err == nil {
		*reply = client.without(snapshot, s.layersGeneration(snapshot.Layers))
	}
	return err
}

// layersGeneration numbers the layers that this client was sent; layers are never edited, so
// the same slice is the same content.
func (s *session) layersGeneration(layers []engine.Layer) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(layers) != len(s.layers) || len(layers) > 0 && &layers[0] != &s.layers[0] {
		s.layers = layers
		s.generation++
	}
	return s.generation
}
