//go:build !linux

package kernel

// adviseHugePages does nothing: the system chooses the pages.
func adviseHugePages([]byte) {}
