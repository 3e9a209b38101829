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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := cli.Command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "galen:", err)
		os.Exit(1)
	}
}
