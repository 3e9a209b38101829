// Package cli is the command line: what galen's commands take, and which part of galen does the work.
package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"galen/engine"
	"galen/hw"
	"galen/store"
	"galen/ui/shell"
)

// Command is galen with all its commands. It reports what went wrong as an error, and prints nothing of it.
func Command() *cobra.Command {
	root := &cobra.Command{
		Use:   "galen",
		Short: "Compress a trained CNN until it is fast enough on your device",
		Long: `Galen searches, layer by layer, how many channels of a trained convolutional network can be
pruned and how few bits the rest needs, so that it meets a latency target measured on the
device it will run on, with the least loss of accuracy.

Without a command it opens the terminal interface. The first time, when there are no
runs yet, that offers the built-in demo.`,
		Example: `  galen                                             the terminal interface
  galen search --model net.onnx --data cifar-10-batches-bin --target 0.3
  galen export demo --onnx small.onnx               take away the best network found`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !onTerminal() {
				return begin(cmd.Context(), engine.DemoSettings(), "", output{headless: true})
			}
			return browse(cmd.Context())
		},
	}
	root.PersistentFlags().StringVar(&database, "db", "", "`file` that holds the runs (default $XDG_DATA_HOME/galen/galen.db)")
	root.PersistentFlags().BoolVar(&noMouse, "no-mouse", false, "leave the mouse to the terminal, as for selecting text")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	root.AddCommand(demoCommand(), searchCommand(), resumeCommand(), steerCommand(), forkCommand(), runsCommand(), showCommand(),
		compareCommand(), evalCommand(), compressCommand(), exportCommand(), verifyCommand(), benchCommand(), dataCommand(), serveCommand(), versionCommand())
	return root
}

// one accepts exactly one argument, which names what.
func one(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, arguments []string) error {
		if len(arguments) != 1 {
			return fmt.Errorf("%s takes one argument, %s, and got %d; see galen %s --help", cmd.Name(), what, len(arguments), cmd.Name())
		}
		return nil
	}
}

// database is the --db flag, shared by all commands.
var database string

// suggested is a command as it can be pasted to go on with the store in use.
func suggested(arguments ...string) string { return shell.Command(database, arguments...) }

// noMouse is the --no-mouse flag of everything that opens the terminal interface.
var noMouse bool

func databasePath() (string, error) {
	if database != "" {
		return store.RealPath(database)
	}
	path, err := store.DefaultPath()
	if err != nil {
		return "", err
	}
	return store.RealPath(path)
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print galen's version",
		Args:  cobra.NoArgs,
		Run:   func(*cobra.Command, []string) { fmt.Println("galen", hw.Version()) },
	}
}

// advise adds to an error what a person can do about it on the command line.
func advise(err error) error {
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w with --db FILE", err)
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w; %s lists what there is", err, suggested("runs"))
	}
	return err
}

func writeJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func onTerminal() bool {
	return term.IsTerminal(int(os.Stdout.Fd())) && term.IsTerminal(int(os.Stdin.Fd()))
}
