//go:build !static && (linux || darwin) && (amd64 || arm64)

package hw

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// ortAPIVersion is the version of ONNX Runtime's C interface that is asked for: that
// of release 1.11, which runs quantized networks well. Later releases still offer it.
const ortAPIVersion = 11

// Positions of functions in the C interface's table, struct OrtApi of onnxruntime_c_api.h. Later versions
// only append to it.
const (
	ortGetErrorMessage        = 2
	ortCreateEnv              = 3
	ortCreateSessionFromArray = 8
	ortRun                    = 9
	ortCreateSessionOptions   = 10
	ortSetOptimizationLevel   = 23
	ortSetIntraOpNumThreads   = 24
	ortSetInterOpNumThreads   = 25
	ortSessionGetInputName    = 36
	ortSessionGetOutputName   = 37
	ortCreateTensorWithData   = 49
	ortCreateCPUMemoryInfo    = 69
	ortAllocatorFree          = 76
	ortDefaultAllocator       = 78
	ortReleaseEnv             = 92
	ortReleaseStatus          = 93
	ortReleaseMemoryInfo      = 94
	ortReleaseSession         = 95
	ortReleaseValue           = 96
	ortReleaseSessionOptions  = 100
	ortAddSessionConfigEntry  = 130
	ortFunctions              = 131
)

// Values of the C interface's enumerations.
const (
	ortLogErrors = 3 // ORT_LOGGING_LEVEL_ERROR
	ortFloat     = 1 // ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
)

// pointer is an object of the library's, or its status: nil for success.
type pointer = unsafe.Pointer

// ortAPI is ONNX Runtime's C interface with an environment to run sessions in.
type ortAPI struct {
	version   string
	env       pointer
	memory    pointer // describes main memory
	allocator pointer // the library's own; not to be released

	runAddress uintptr

	errorMessage         func(status pointer) string
	releaseStatus        func(status pointer)
	createEnv            func(level int32, id string, env *pointer) pointer
	releaseEnv           func(env pointer)
	createOptions        func(options *pointer) pointer
	releaseOptions       func(options pointer)
	setOptimization      func(options pointer, level int32) pointer
	setIntraThreads      func(options pointer, n int32) pointer
	setInterThreads      func(options pointer, n int32) pointer
	configure            func(options pointer, key, value string) pointer
	createSession        func(env pointer, model *byte, size uintptr, options pointer, session *pointer) pointer
	releaseSession       func(session pointer)
	inputName            func(session pointer, index uintptr, allocator pointer, name *pointer) pointer
	outputName           func(session pointer, index uintptr, allocator pointer, name *pointer) pointer
	free                 func(allocator, memory pointer) pointer
	defaultAllocator     func(allocator *pointer) pointer
	createMemoryInfo     func(allocator, kind int32, info *pointer) pointer
	releaseMemoryInfo    func(info pointer)
	createTensorWithData func(info pointer, data *float32, bytes uintptr, shape *int64, rank uintptr, kind int32, value *pointer) pointer
	releaseValue         func(value pointer)
}

// loadORT loads the shared library and sets up its environment.
func loadORT(library string) (*ortAPI, error) {
	handle, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("the library cannot be loaded (%w); name the one for %s/%s", err, runtime.GOOS, runtime.GOARCH)
	}
	address, err := purego.Dlsym(handle, "OrtGetApiBase")
	if err != nil {
		return nil, errors.New("the library has no OrtGetApiBase, so it is not ONNX Runtime's; name libonnxruntime itself")
	}
	var getBase func() *struct{ getAPI, version uintptr }
	purego.RegisterFunc(&getBase, address)
	base := getBase()
	var getAPI func(uint32) *[ortFunctions]uintptr
	var version func() string
	purego.RegisterFunc(&getAPI, base.getAPI)
	purego.RegisterFunc(&version, base.version)
	table := getAPI(ortAPIVersion)
	if table == nil {
		return nil, fmt.Errorf("it is release %s; galen needs 1.%d or later", version(), ortAPIVersion)
	}
	a := &ortAPI{version: version(), runAddress: table[ortRun]}
	for i, function := range map[int]any{
		ortGetErrorMessage: &a.errorMessage, ortReleaseStatus: &a.releaseStatus,
		ortCreateEnv: &a.createEnv, ortReleaseEnv: &a.releaseEnv,
		ortCreateSessionOptions: &a.createOptions, ortReleaseSessionOptions: &a.releaseOptions,
		ortSetOptimizationLevel: &a.setOptimization, ortAddSessionConfigEntry: &a.configure,
		ortSetIntraOpNumThreads: &a.setIntraThreads, ortSetInterOpNumThreads: &a.setInterThreads,
		ortCreateSessionFromArray: &a.createSession, ortReleaseSession: &a.releaseSession,
		ortSessionGetInputName: &a.inputName, ortSessionGetOutputName: &a.outputName,
		ortDefaultAllocator: &a.defaultAllocator, ortAllocatorFree: &a.free,
		ortCreateCPUMemoryInfo: &a.createMemoryInfo, ortReleaseMemoryInfo: &a.releaseMemoryInfo,
		ortCreateTensorWithData: &a.createTensorWithData, ortReleaseValue: &a.releaseValue,
	} {
		purego.RegisterFunc(function, table[i])
	}
	if err := errors.Join(
		a.check(a.createEnv(ortLogErrors, "galen", &a.env)),
		a.check(a.createMemoryInfo(0, 0, &a.memory)),
		a.check(a.defaultAllocator(&a.allocator)),
	); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// check makes an error of a status and releases it.
func (a *ortAPI) check(status pointer) error {
	if status == nil {
		return nil
	}
	defer a.releaseStatus(status)
	return errors.New(a.errorMessage(status))
}

// close releases the environment. The library stays loaded: its threads may outlive it.
func (a *ortAPI) close() {
	if a.memory != nil {
		a.releaseMemoryInfo(a.memory)
	}
	if a.env != nil {
		a.releaseEnv(a.env)
	}
	a.memory, a.env = nil, nil
}

// ortSession is a network in ONNX Runtime with its input and output tensors, which lie in Go's memory.
type ortSession struct {
	api           *ortAPI
	session       pointer
	input, output []float32
	pinned        runtime.Pinner

	inputName, outputName   pointer // the library's
	inputValue, outputValue pointer
}

// session makes a session of an ONNX model with one input and one output of the given shapes, batch first.
func (a *ortAPI) session(model []byte, inputShape, outputShape []int64, threads int, level Optimization) (*ortSession, error) {
	s := &ortSession{api: a, input: noise(volume(inputShape)), output: make([]float32, volume(outputShape))}
	s.pinned.Pin(s)
	if err := s.create(model, threads, level); err != nil {
		s.close()
		return nil, err
	}
	if err := errors.Join(
		a.check(a.inputName(s.session, 0, a.allocator, &s.inputName)),
		a.check(a.outputName(s.session, 0, a.allocator, &s.outputName)),
		s.tensor(s.input, inputShape, &s.inputValue),
		s.tensor(s.output, outputShape, &s.outputValue),
	); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func volume(shape []int64) int {
	n := 1
	for _, d := range shape {
		n *= int(d)
	}
	return n
}

func (s *ortSession) create(model []byte, threads int, level Optimization) error {
	a := s.api
	var options pointer
	if err := a.check(a.createOptions(&options)); err != nil {
		return err
	}
	defer a.releaseOptions(options)
	return errors.Join(
		a.check(a.setIntraThreads(options, int32(threads))),
		a.check(a.setInterThreads(options, 1)),
		a.check(a.setOptimization(options, int32(level))),
		// Its threads would otherwise wait busily while others are being measured.
		a.check(a.configure(options, "session.force_spinning_stop", "1")),
		a.check(a.createSession(a.env, unsafe.SliceData(model), uintptr(len(model)), options, &s.session)),
	)
}

// tensor wraps numbers in a tensor of the library's, which must not outlive them.
func (s *ortSession) tensor(numbers []float32, shape []int64, value *pointer) error {
	data := unsafe.SliceData(numbers)
	s.pinned.Pin(data)
	a := s.api
	return a.check(a.createTensorWithData(a.memory, data, uintptr(4*len(numbers)), unsafe.SliceData(shape), uintptr(len(shape)), ortFloat, value))
}

// run bypasses the reflection of registered functions: it is what is measured.
func (s *ortSession) run() error {
	status, _, _ := purego.SyscallN(s.api.runAddress, uintptr(s.session), 0,
		uintptr(pointer(&s.inputName)), uintptr(pointer(&s.inputValue)), 1,
		uintptr(pointer(&s.outputName)), 1, uintptr(pointer(&s.outputValue)))
	if status != 0 {
		return s.api.check(*(*pointer)(pointer(&status)))
	}
	return nil
}

// layerTimes gives nothing: ONNX Runtime fuses layers at will.
func (*ortSession) layerTimes() []LayerTime { return nil }

func (s *ortSession) close() {
	a := s.api
	for _, value := range []pointer{s.inputValue, s.outputValue} {
		if value != nil {
			a.releaseValue(value)
		}
	}
	for _, name := range []pointer{s.inputName, s.outputName} {
		if name != nil {
			a.free(a.allocator, name)
		}
	}
	if s.session != nil {
		a.releaseSession(s.session)
	}
	s.pinned.Unpin()
}
