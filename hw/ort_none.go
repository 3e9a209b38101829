//go:build static || !((linux || darwin) && (amd64 || arm64))

package hw

import "errors"

// ortAPI and ortSession stand for what this build cannot load.
type (
	ortAPI     struct{ version string }
	ortSession struct{ program }
)

func loadORT(string) (*ortAPI, error) {
	return nil, errors.New("this build of galen cannot load libraries; use one for Linux or macOS that was built without the tag static")
}

func (*ortAPI) session([]byte, []int64, []int64, int) (*ortSession, error) {
	return nil, errors.ErrUnsupported
}

func (*ortAPI) close() {}
