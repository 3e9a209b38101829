package compress

import (
	"cmp"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"

	"galen/engine/compress/refit"
	"galen/engine/compress/structure"
	"galen/hw/kernel"
)

// Options are a Compressor's settings; the zero value is the default.
type Options struct {
	RoundTo      int                  // channels are kept in multiples of this; 0: 1
	Importance   structure.Importance // how channels are ranked; empty: Energy
	Calibration  refit.Calibration    // how activation ranges are chosen; empty: SquaredError
	WeightRange  refit.Calibration    // how scales of weights rounded to nearest are: MinMax or SquaredError, also if empty
	Rounding     refit.Rounding       // how weights become integers; empty: Automatic
	Equalization refit.Equalization   // how channels are rescaled before they are quantized; empty: EqualizeNone
	Workers      int                  // goroutines; 0: all cores
	ISA          kernel.ISA           // empty: kernel.Default
	Repair       Repair               // how what is left makes up for what is lost; empty: Sequential
	Database     *Database            // keeps sensitivities and what Independent finds; nil: nothing does, which Independent refuses
	Uncorrected  bool                 // leave weights and statistics as compression makes them, for comparison
}

// complete puts the defaults in and checks what is given.
func (o Options) complete() (Options, error) {
	err := cmp.Or(
		choose("importance", &o.Importance, structure.Energy,
			structure.Energy, structure.Reconstruction, structure.GroupL2, structure.RootL1),
		choose("calibration", &o.Calibration, refit.SquaredError,
			refit.MinMax, refit.Percentile, refit.SquaredError, refit.Entropy),
		choose("rounding", &o.Rounding, refit.Automatic,
			refit.Automatic, refit.Compensated, refit.Nearest),
		choose("weight range", &o.WeightRange, refit.SquaredError,
			refit.MinMax, refit.SquaredError),
		choose("equalization", &o.Equalization, refit.EqualizeNone,
			refit.EqualizeActivations, refit.EqualizeWeights, refit.EqualizeNone),
		choose("repair", &o.Repair, Sequential,
			Sequential, Independent, Statistics),
	)
	if err != nil {
		return o, err
	}
	if o.Repair == Independent && o.Database == nil {
		return o, errors.New("independent repair needs a database to keep layers in")
	}
	o.RoundTo = max(o.RoundTo, 1)
	if o.Workers <= 0 {
		o.Workers = goruntime.GOMAXPROCS(0)
	}
	if o.ISA == "" {
		o.ISA, err = kernel.Default()
	}
	return o, err
}

// choose puts a default in where nothing is chosen, and refuses what is not one of the choices.
func choose[T ~string](what string, choice *T, standard T, choices ...T) error {
	if *choice == "" {
		*choice = standard
	}
	if slices.Contains(choices, *choice) {
		return nil
	}
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = strconv.Quote(string(c))
	}
	last := len(names) - 1
	return fmt.Errorf("%s %q is unknown; take %s or %s", what, *choice, strings.Join(names[:last], ", "), names[last])
}

// repairs tells whether layers are repaired this way.
func (o *Options) repairs(by Repair) bool { return o.Repair == by && !o.Uncorrected }

// rounding is how weights become integers.
func (o *Options) rounding() refit.WeightRounding {
	return refit.WeightRounding{Rounding: o.Rounding, Range: o.WeightRange}
}

// Repair is how what is left of a network makes up for what compression took, without
// training.
type Repair string

const (
	// Sequential goes through the network and refits the weights of every layer by least
	// squares, from what the compressed layers before really hand it to what it
	// computed in the original network. The last layer before a residual addition makes up for what
	// the addition's other operands lost, too. (He et al. 2017, "Channel pruning for
	// accelerating very deep neural networks".)
	Sequential Repair = "sequential"
	// Independent refits every layer by itself, from what it reads in the original network, as far as the
	// channels that are left say it, to what it computes there. That depends on no other layer, so
	// solutions are kept in the Database and compression is their assembly, as in Frantar and
	// Alistarh 2022, "Optimal brain compression".
	Independent Repair = "independent"
	// Statistics keeps the weights and corrects the mean and the deviation of every output
	// channel.
	Statistics Repair = "statistics"
)
