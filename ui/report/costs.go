package report

import (
	"fmt"
	"io"
	"text/tabwriter"

	"galen/hw"
	"galen/ui/plain"
)

// Costs prints what each choice would cost a layer; the first one is the layer as it was.
func Costs(out io.Writer, layer string, costs []hw.LayerCost) error {
	plain.Fprintf(out, "layer %s, timed alone\n", layer)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nCHANNELS\tBITS\tKERNEL\tMS\tOF ORIGINAL")
	for _, c := range costs {
		plain.Fprintf(t, "%d\t%d\t%s\t%.4f\t%.0f %%\n", c.Kept, c.Bits, c.Kernel, c.MS, 100*c.MS/costs[0].MS)
	}
	return t.Flush()
}
