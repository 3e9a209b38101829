package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"galen/engine"
	"galen/engine/remote"
	"galen/engine/steering"
	"galen/store"
	"galen/ui"
	"galen/ui/headless"
	"galen/ui/plain"
)

// workbench is that of this process, or of the one that owns the database.
type workbench interface {
	ui.Workbench
	Find(nameOrID string) (*store.Run, error)
	Close() error
}

// free checks that no search would have to give way to another.
func free(w workbench) error {
	active := w.Active()
	if active == "" {
		return nil
	}
	run, err := w.Find(active)
	if err != nil {
		return err
	}
	owner := ""
	if c, ok := w.(*remote.Client); ok {
		owner = fmt.Sprintf(" by process %d", c.PID())
	}
	return fmt.Errorf("run %s is being searched in this store%s: watch it with %s, end it with %s, or use another store with --db FILE", run.Name, owner, suggested(), suggested("steer", run.Name, "stop"))
}

// attend lets start set a search going and shows it until it ends or the person leaves.
// In a terminal the search belongs to a process in the background and goes on when
// the terminal is left; otherwise leaving pauses it.
func attend(ctx context.Context, out output, start func(workbench) (run string, err error)) error {
	path, err := databasePath()
	if err != nil {
		return err
	}
	if out.headless || out.json || !onTerminal() {
		return work(ctx, path, out, start)
	}
	client, err := remote.Connect(path)
	if err != nil {
		return err
	}
	defer client.Close()
	run, err := start(client)
	if err != nil {
		return advise(err)
	}
	if err := ui.Run(ctx, client, ui.Options{Open: run, Database: database, NoMouse: noMouse}); err != nil {
		return err
	}
	sayWhatGoesOn(client)
	return nil
}

// sayWhatGoesOn tells a person who left that the search did not end with the terminal.
func sayWhatGoesOn(client *remote.Client) {
	if client.Active() == "" {
		return
	}
	asking, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := client.Wait(asking, 0) // the store would tell how it stood after the latest episode
	if err == nil && s.State.Live() && s.State != engine.Paused {
		plain.Fprintf(os.Stdout, "%s goes on in the background; %s shows it again\n", s.Run.Name, suggested())
	}
}

// work searches in this process and reports as text. Others can watch and steer.
func work(ctx context.Context, path string, out output, start func(workbench) (run string, err error)) error {
	err := own(path, func(w *engine.Workbench, server *remote.Server) error {
		err := follow(ctx, w, out, start)
		if errors.Is(err, headless.ErrGaveWay) {
			plain.Fprintf(os.Stderr, "%v\nthis process stays until the other one ends\n", err)
			_ = server.Idle(ctx, serveTime) // or is interrupted, which pauses it
		}
		return err
	})
	if !errors.Is(err, store.ErrLocked) {
		return err
	}
	client, err := holder(path, err)
	if err != nil {
		return err
	}
	defer client.Close()
	return follow(ctx, client, out, start)
}

// holder reaches the process that holds a store, of which own says that it is locked.
func holder(path string, locked error) (*remote.Client, error) {
	client, err := remote.Dial(path)
	if errors.Is(err, remote.ErrNobody) {
		return nil, locked
	}
	return client, err
}

// closeTime bounds how long the end of a process waits for what cannot be interrupted, as reading a
// model from a disk that does not answer. Nothing but that is lost: what is finished is stored.
const closeTime = 3 * time.Second

// own opens the database and serves it to others for as long as use takes.
func own(path string, use func(*engine.Workbench, *remote.Server) error) error {
	w, err := engine.Open(path)
	if err != nil {
		return advise(err)
	}
	server, err := remote.Listen(path, w)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	err = use(w, server)
	closed := make(chan error, 1)
	go func() { closed <- errors.Join(server.Close(), w.Close()) }()
	select {
	case failed := <-closed:
		return errors.Join(err, failed)
	case <-time.After(closeTime):
		return errors.Join(err, fmt.Errorf("what was under way did not end within %v and was given up; what is finished is stored", closeTime))
	}
}

// follow reports a search until it ends or gives way to another one; leaving pauses it.
func follow(ctx context.Context, w workbench, out output, start func(workbench) (run string, err error)) error {
	run, err := start(w)
	if err != nil {
		return advise(err)
	}
	err = headless.Follow(ctx, w, run, os.Stdout, headless.Options{JSON: out.json, Live: onTerminal(), Database: database})
	switch {
	case errors.Is(err, headless.ErrGaveWay):
		return fmt.Errorf("%w; go on with it by: %s", err, suggested("resume", run))
	case ctx.Err() == nil:
		return err
	}
	if err := pause(w, run, pauseTime); err != nil {
		return err
	}
	plain.Fprintf(os.Stderr, "paused; go on with: %s\n", suggested("resume", run))
	return nil
}

// pauseTime is how long a search may take to its next step.
const pauseTime = 10 * time.Second

// pause pauses a search that is left. One in this process needs no answer: the end of the process
// pauses it, too.
func pause(w workbench, run string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := w.Send(ctx, steering.Command{Kind: steering.Pause, Who: ui.UserName()}) // else it has ended, or was paused before
	if client, elsewhere := w.(*remote.Client); elsewhere && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the search goes on in process %d, which has not answered; pause it with: %s", client.PID(), suggested("steer", run, "pause"))
	}
	return nil
}

// visit uses the workbench of the process that owns the database or, where there is none, opens it.
func visit(open func(path string) (*engine.Workbench, error), use func(workbench) error) error {
	path, err := databasePath()
	if err != nil {
		return err
	}
	var w workbench
	w, err = remote.Dial(path)
	if errors.Is(err, remote.ErrNobody) {
		w, err = open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there are no runs in %s yet; start one with %s or %s", path, suggested("demo"), suggested("search"))
	}
	if err != nil {
		return advise(err)
	}
	return errors.Join(advise(use(w)), w.Close())
}

// serveTime is how long a process in the background waits for its first client, and
// for another when the last one has gone and nothing is searched.
const serveTime = 5 * time.Second

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Own the store and search in the background, for other galens to show and steer",
		Long: `Own the store and search in the background, for other galens to show and steer. The terminal
interface starts it by itself; it ends when nothing is searched and nobody looks on.`,
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := databasePath()
			if err != nil {
				return err
			}
			return own(path, func(_ *engine.Workbench, server *remote.Server) error {
				if err := server.Idle(cmd.Context(), serveTime); err != nil && cmd.Context().Err() == nil {
					return err
				}
				return nil
			})
		},
	}
}
