package hw

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"galen/hw/graph"
)

// Options are what devices need from the layers above.
type Options struct {
	// EncodeONNX writes a graph as an ONNX model, for runtimes that are not galen's own.
	EncodeONNX func(*graph.Graph) ([]byte, error)
}

// Load says how a network is run: Batch images at a time on Threads threads.
type Load struct{ Threads, Batch int }

// latency is the load under which devices take latencies.
var latency = Load{Threads: 1, Batch: 1}

const (
	localName      = "local"
	rooflinePrefix = "roofline:"
	ortPrefix      = "ort:"
)

// Open opens the device a person named and prepares it to compare candidates with the
// reference model: "local" is this machine, "ort:LIBRARY" ONNX Runtime on this machine,
// "roofline:" an analytic one.
func Open(name string, reference *graph.Graph, o Options) (Device, error) {
	name, err := Locate(name)
	if err != nil {
		return nil, err
	}
	if name == rooflinePrefix {
		return newRoofline(reference), nil
	}
	b, err := openBackend(name, latency, o)
	if err != nil {
		return nil, err
	}
	d, err := newTimed(b, reference)
	if err != nil {
		return nil, err // not d: a Device that holds a nil pointer is not nil
	}
	return d, nil
}

// openBackend opens the runtime of a device that runs networks.
func openBackend(name string, l Load, o Options) (*backend, error) {
	if library, ok := strings.CutPrefix(name, ortPrefix); ok {
		return newORT(library, l, o)
	}
	return newLocal(l)
}

// Check tells whether a device name is one that Open understands; what it names need not be there.
func Check(name string) error {
	switch {
	case name == localName, name == rooflinePrefix:
		return nil
	case strings.HasPrefix(name, rooflinePrefix):
		return fmt.Errorf("device %q: nothing may follow roofline: as it takes no parameters", name)
	case name == ortPrefix:
		return fmt.Errorf("device %q: name ONNX Runtime's shared library behind it, as in ort:/usr/lib/libonnxruntime.so", name)
	case strings.HasPrefix(name, ortPrefix):
		return nil
	}
	return fmt.Errorf("device %q is unknown; use local (this machine), ort:LIBRARY (ONNX Runtime on this machine) or roofline: (an analytic model, no measuring)", name)
}

// Locate checks a device name, and that a library that it names by a path is there. In what it returns the
// path is absolute, so that the name means the same in every working directory.
func Locate(name string) (string, error) {
	if err := Check(name); err != nil {
		return "", err
	}
	library, ok := strings.CutPrefix(name, ortPrefix)
	if !ok || !strings.ContainsRune(library, os.PathSeparator) {
		return name, nil // a bare name is for the system's loader to find
	}
	absolute, err := filepath.Abs(library)
	if err == nil {
		err = checkLibrary(absolute)
	}
	if err != nil {
		return "", fmt.Errorf("device %q: %w", name, err)
	}
	return ortPrefix + absolute, nil
}

// Label is a device's name for people: of a library it leaves only the file's name.
func Label(name string) string {
	if library, ok := strings.CutPrefix(name, ortPrefix); ok && library != "" {
		return ortPrefix + filepath.Base(library)
	}
	return name
}

// checkLibrary tells whether a path may be that of a library.
func checkLibrary(library string) error {
	info, err := os.Stat(library)
	if err != nil {
		return fmt.Errorf("there is no ONNX Runtime: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder; name the library in it", library)
	}
	return nil
}
