package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"galen/engine/oneshot"
	"galen/hw"
	"galen/ui/plain"
)

// Bench prints how fast a model was on each device, and its layers if they were timed.
func Bench(out io.Writer, b *oneshot.BenchResult) error {
	plain.Fprintf(out, "%s, %s, %s per run, %s\n", b.Model, b.Precision, count(b.Load.Batch, "image"), count(b.Load.Threads, "thread"))
	if b.OnNoise {
		fmt.Fprintln(out, "quantized with scales calibrated on noise: the speed is right, the accuracy is not")
	}
	if b.Load.Threads > b.Load.Batch {
		fmt.Fprintln(out, "local runs one thread per image, so it cannot use them all")
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nDEVICE\tMS\tMAD\tIMAGES/S\tSAMPLES\tFLAGS\tWHAT")
	for _, d := range b.Devices {
		plain.Fprintf(t, "%s\t%.3f\t%.3f\t%.0f\t%d\t%s\t%s\n", d.Name, d.Latency.Median, d.Latency.MAD,
			1e3*float64(b.Load.Batch)/d.Latency.Median, d.Samples, strings.Join(d.Flags, ","), what(d.Fingerprint))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range b.Ratios {
		plain.Fprintf(out, "\n%s/%s  %.3f× ± %.3f (95 %%)\n", r.Device, r.Other, r.Ratio, r.Error)
	}
	if len(b.Layers) == 0 {
		return nil
	}
	return layers(out, b)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// what is a fingerprint without the device's name.
func what(f hw.Fingerprint) string {
	f.Device = ""
	return strings.TrimPrefix(f.String(), " · ")
}

func layers(out io.Writer, b *oneshot.BenchResult) error {
	plain.Fprintf(out, "\nlayers on local, one image, one thread; measured peak %.0f GFLOP/s in fp32, %.0f GOP/s in int8\n", b.Peak.Float, b.Peak.Integer)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "LAYER\tKERNEL\tM MACS\tMS\tSHARE\tG(FL)OP/S\tOF PEAK")
	for _, l := range b.Layers {
		plain.Fprintf(t, "%s\t%s\t%.2f\t%.4f\t%.1f %%\t%.1f\t%.0f %%\n", l.Layer, l.Kernel, float64(l.MACs)/1e6,
			l.MS, 100*l.Share, l.Rate, 100*l.PeakPart)
	}
	return t.Flush()
}

// The JSON form of a bench.
type (
	benchFile struct {
		Model      string             `json:"model"`
		Precision  string             `json:"precision"`
		OnNoise    bool               `json:"calibrated_on_noise"`
		Threads    int                `json:"threads"`
		Batch      int                `json:"batch"`
		Devices    []benchDevice      `json:"devices"`
		Ratio      map[string]float64 `json:"ratio"`       // "local/ort": …
		RatioError map[string]float64 `json:"ratio_error"` // half widths of 95 % confidence intervals
		Layers     []benchLayer       `json:"layers"`
		PeakGFLOPS float64            `json:"peak_gflops,omitempty"`
		PeakGOPS   float64            `json:"peak_gops,omitempty"`
	}
	benchDevice struct {
		Device   string   `json:"device"`
		What     string   `json:"what"`
		MedianMS float64  `json:"median_ms"`
		MADMS    float64  `json:"mad_ms"`
		Samples  int      `json:"samples"`
		Flags    []string `json:"flags"`
	}
	benchLayer struct {
		Layer    string  `json:"layer"`
		Kernel   string  `json:"kernel"`
		MACs     int64   `json:"macs"`
		MS       float64 `json:"ms"`
		Share    float64 `json:"share"`
		GOPS     float64 `json:"gops"` // two operations per multiply-accumulate
		PeakPart float64 `json:"peak_fraction"`
	}
)

// BenchJSON prints a bench as JSON.
func BenchJSON(out io.Writer, b *oneshot.BenchResult) error {
	file := benchFile{
		Model: b.Model, Precision: b.Precision, OnNoise: b.OnNoise, Threads: b.Load.Threads, Batch: b.Load.Batch,
		Ratio: map[string]float64{}, RatioError: map[string]float64{}, Layers: []benchLayer{},
		PeakGFLOPS: b.Peak.Float, PeakGOPS: b.Peak.Integer,
	}
	for _, d := range b.Devices {
		file.Devices = append(file.Devices, benchDevice{
			d.Name, d.Fingerprint.String(), d.Latency.Median, d.Latency.MAD, d.Samples, append([]string{}, d.Flags...),
		})
	}
	for _, r := range b.Ratios {
		file.Ratio[r.Device+"/"+r.Other], file.RatioError[r.Device+"/"+r.Other] = r.Ratio, r.Error
	}
	for _, l := range b.Layers {
		file.Layers = append(file.Layers, benchLayer{l.Layer, l.Kernel, l.MACs, l.MS, l.Share, l.Rate, l.PeakPart})
	}
	return json.NewEncoder(out).Encode(file)
}
