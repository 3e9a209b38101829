package hw

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// machine describes this computer.
func machine(isa string) Fingerprint {
	return Fingerprint{
		Device:   "local",
		CPU:      processor(),
		Cores:    runtime.NumCPU(),
		ISA:      isa,
		Governor: governor(),
		OS:       runtime.GOOS + "/" + runtime.GOARCH,
		Version:  Version(),
	}
}

// String is one line for people: device, runtime, processor, instruction set.
func (f Fingerprint) String() string {
	parts := []string{Label(f.Device)}
	for _, part := range []string{f.Runtime, f.CPU, f.ISA} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " · ")
}

// Version is galen's, from the build information: a release tag, or the commit.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "devel"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				version += "-" + s.Value[:12]
			}
		}
	}
	return version
}

// processor is the CPU's name as the system gives it.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(info)) {
		key, value, ok := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name", "Model", "Hardware":
			if ok {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}
