package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"galen/engine/oneshot"
	"galen/ui/plain"
)

// Compressed prints what a compression without a search gave.
func Compressed(out io.Writer, c *oneshot.Compressed) error {
	plain.Fprintf(out, "%s on %s\n", c.Model, c.Data)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\n\tORIGINAL\tCOMPRESSED\t")
	accuracy := func(what string, images int, before, after float64) {
		if images > 0 {
			plain.Fprintf(t, "top-1, %d %s images\t%.2f %%\t%.2f %%\t%+.2f\n", images, what, 100*before, 100*after, 100*(after-before))
		}
	}
	a, b := c.Original, c.Result
	accuracy("validation", c.Validation, a.Validation, b.Validation)
	accuracy("test", c.Test, a.Test, b.Test)
	share := func(what string, before, after float64, unit string) {
		plain.Fprintf(t, "%s\t%.2f%s\t%.2f%s\t%.1f %%\n", what, before, unit, after, unit, 100*after/before)
	}
	share("ONNX file", float64(a.Bytes)/1e6, float64(b.Bytes)/1e6, " MB")
	share("MACs", float64(a.MACs)/1e6, float64(b.MACs)/1e6, " M")
	share("BOPs", float64(a.BOPs)/1e9, float64(b.BOPs)/1e9, " G")
	share("parameters", float64(a.Parameters)/1e3, float64(b.Parameters)/1e3, " k")
	if m := c.Latency; m != nil {
		plain.Fprintf(t, "latency\t%.3f ms\t%.3f ms\t%.1f %% ± %.1f\n", m.Reference.Median, m.Candidate.Median, 100*m.Ratio, 100*m.RatioError)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if c.Latency != nil {
		plain.Fprintf(out, "measured on %s\n", c.Device)
		if len(c.Latency.Flags) > 0 {
			plain.Fprintf(out, "the measurement was %s\n", strings.Join(c.Latency.Flags, ", "))
		}
	}
	fmt.Fprintln(t, "\nLAYER\tCHANNELS\tSPARSITY\tW\tA\tM MACS\tOF ORIGINAL\tFROZEN")
	for _, l := range c.Layers {
		plain.Fprintf(t, "%s\t%d/%d\t%.0f %%\t%d\t%d\t%.2f\t%.0f %%\t%s\n", l.Name, l.Kept, l.Channels, 100*(1-float64(l.Kept)/float64(l.Channels)),
			l.WeightBits, l.ActivationBits, float64(l.MACs)/1e6, 100*float64(l.MACs)/float64(l.OriginalMACs), l.Why)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, file := range []string{c.Output, c.PolicyOut} {
		if file != "" {
			plain.Fprintf(out, "wrote %s\n", file)
		}
	}
	return nil
}

// The JSON form of a compression.
type (
	compressedFile struct {
		Model            string            `json:"model"`
		Data             string            `json:"data"`
		ValidationImages int               `json:"validation_images"`
		TestImages       int               `json:"test_images"`
		Original         compressedSide    `json:"original"`
		Compressed       compressedSide    `json:"compressed"`
		Latency          *compressedTime   `json:"latency,omitempty"`
		Layers           []compressedLayer `json:"layers"`
		Output           string            `json:"output"`
		Policy           string            `json:"policy,omitempty"`
	}
	compressedSide struct {
		Validation float64  `json:"validation_top1"`
		Test       *float64 `json:"test_top1,omitempty"`
		Bytes      int      `json:"bytes"`
		MACs       int64    `json:"macs"`
		BOPs       int64    `json:"bops"`
		Parameters int64    `json:"parameters"`
	}
	compressedTime struct {
		Device     string   `json:"device"`
		OriginalMS float64  `json:"original_ms"`
		MS         float64  `json:"ms"`
		Ratio      float64  `json:"ratio"`
		RatioError float64  `json:"ratio_error"` // half width of its 95 % confidence interval
		Flags      []string `json:"flags"`
	}
	compressedLayer struct {
		Name           string `json:"name"`
		Channels       int    `json:"channels"`
		Kept           int    `json:"kept"`
		WeightBits     int    `json:"weight_bits"`
		ActivationBits int    `json:"activation_bits"`
		MACs           int64  `json:"macs"`
		OriginalMACs   int64  `json:"original_macs"`
		Frozen         string `json:"frozen,omitempty"`
	}
)

// CompressedJSON prints it as JSON.
func CompressedJSON(out io.Writer, c *oneshot.Compressed) error {
	side := func(q oneshot.Quality) compressedSide {
		s := compressedSide{q.Validation, nil, q.Bytes, q.MACs, q.BOPs, q.Parameters}
		if c.Test > 0 {
			s.Test = &q.Test
		}
		return s
	}
	file := compressedFile{
		Model: c.Model, Data: c.Data, ValidationImages: c.Validation, TestImages: c.Test,
		Original: side(c.Original), Compressed: side(c.Result), Layers: []compressedLayer{}, Output: c.Output, Policy: c.PolicyOut,
	}
	if m := c.Latency; m != nil {
		file.Latency = &compressedTime{c.Device.String(), m.Reference.Median, m.Candidate.Median, m.Ratio, m.RatioError, append([]string{}, m.Flags...)}
	}
	for _, l := range c.Layers {
		file.Layers = append(file.Layers, compressedLayer{l.Name, l.Channels, l.Kept, l.WeightBits, l.ActivationBits, l.MACs, l.OriginalMACs, l.Why})
	}
	return json.NewEncoder(out).Encode(file)
}
