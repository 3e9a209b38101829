package report

import (
	"encoding/json"
	"fmt"
	"io"

	"galen/engine/oneshot"
	"galen/ui/plain"
)

// Verifications prints the results of cases as they come.
type Verifications struct {
	Out  io.Writer
	JSON bool // one object a line instead of text

	count map[string]int // by status
}

// Add prints one result.
func (r *Verifications) Add(v oneshot.Verification) error {
	if r.count == nil {
		r.count = map[string]int{}
	}
	r.count[v.Status]++
	if r.JSON {
		line, err := json.Marshal(v)
		if err == nil {
			_, err = fmt.Fprintf(r.Out, "%s\n", line)
		}
		return err
	}
	largest := "–"
	if v.MaxError != nil {
		largest = fmt.Sprintf("%.2g", *v.MaxError)
	}
	reason := ""
	if v.Reason != "" {
		reason = "  " + v.Reason
	}
	_, err := plain.Fprintf(r.Out, "%-7s  %7s  %s%s\n", v.Status, largest, v.Case, reason)
	return err
}

// Close prints the totals. It returns an error if any case failed.
func (r *Verifications) Close() error {
	passed, failed, refused := r.count[oneshot.VerifyPassed], r.count[oneshot.VerifyFailed], r.count[oneshot.VerifyRefused]
	if !r.JSON {
		if _, err := fmt.Fprintf(r.Out, "%d passed, %d failed, %d refused\n", passed, failed, refused); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d cases failed", failed, passed+failed+refused)
	}
	return nil
}
