// Galen searches for smaller, faster versions of a trained convolutional network,
// with latency measured on the device it will run on.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"galen/ui/cli"
	"galen/ui/plain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), interruptions()...)
	defer stop()
	// A second signal ends what the first one could not. Of a terminal that is closed both
	// the shell and the system tell with SIGHUP, which counts once.
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP)
		stop()
	})
	if err := cli.Command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "galen:", plain.Lines(err.Error()))
		os.Exit(1)
	}
}

// interruptions are the signals on which galen puts down what it does and ends. One it was
// started to ignore, as by nohup, is none of them.
func interruptions() []os.Signal {
	signals := []os.Signal{syscall.SIGTERM}
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signals = append(signals, s)
		}
	}
	return signals
}
