package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"galen/engine/dataset/download"
	"galen/ui/plain"
)

func dataCommand() *cobra.Command {
	var to, url string
	get := &cobra.Command{
		Use:   "get NAME",
		Short: "Download a data set: cifar10 or cifar100",
		Long: `Download a data set, check it against its published checksum and unpack it. What was
interrupted is continued by the same command; a folder that is there already is left alone.`,
		Example: `  galen data get cifar10
  galen eval resnet20.onnx --data cifar-10-batches-bin`,
		Args: one("the data set"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			archive, err := download.Find(arguments[0])
			if err != nil {
				return err
			}
			if url != "" {
				archive.URL = url
			}
			folder, err := archive.Get(cmd.Context(), to, downloadProgress(os.Stderr))
			if err != nil {
				return err
			}
			plain.Fprintf(os.Stdout, "%s is in %s\n", archive.Name, folder)
			return nil
		},
	}
	get.Flags().StringVar(&to, "to", ".", "`folder` to put the data set's folder in")
	get.Flags().StringVar(&url, "url", "", "download from this `address` instead of the publisher's")
	cmd := &cobra.Command{Use: "data", Short: "Get images to work with", Args: cobra.NoArgs}
	cmd.AddCommand(get)
	return cmd
}

// downloadProgress reports on one line of a terminal, or every few seconds as a line.
func downloadProgress(out *os.File) func(download.Progress) {
	every, format := 5*time.Second, "downloaded %d of %d MiB\n"
	if term.IsTerminal(int(out.Fd())) {
		every, format = 200*time.Millisecond, "\rdownloaded %d of %d MiB "
	}
	last := time.Now()
	return func(p download.Progress) {
		if finished := p.Done == p.Total; finished || time.Since(last) >= every {
			last = time.Now()
			fmt.Fprintf(out, format, p.Done>>20, p.Total>>20)
			if finished && format[0] == '\r' {
				fmt.Fprintln(out)
			}
		}
	}
}
