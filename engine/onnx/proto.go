package onnx

// The messages of onnx.proto, as far as networks need them.

type modelProto struct {
	irVersion int64
	producer  string
	opsets    []opsetID
	graph     *graphProto
	metadata  []Property
}

type opsetID struct {
	domain  string
	version int64
}

// Property is an entry of a file's metadata.
type Property struct{ Key, Value string }

type graphProto struct {
	name         string
	nodes        []nodeProto
	initializers []tensorProto
	sparse       bool // has sparse initializers
	inputs       []valueInfo
	outputs      []valueInfo
}

type nodeProto struct {
	name, op, domain string
	inputs, outputs  []string
	attributes       []attributeProto
}

type attributeType int32

const (
	attributeFloat  attributeType = 1
	attributeInt    attributeType = 2
	attributeString attributeType = 3
	attributeTensor attributeType = 4
	attributeFloats attributeType = 6
	attributeInts   attributeType = 7
)

type attributeProto struct {
	name   string
	typ    attributeType // 0 in files older than IR version 2
	f      float32
	i      int64
	s      string
	t      *tensorProto
	floats []float32
	ints   []int64
	other  bool // holds something else: a subgraph, strings, …
}

type dataType int32

const (
	typeFloat   dataType = 1
	typeUint8   dataType = 2
	typeInt8    dataType = 3
	typeUint16  dataType = 4
	typeInt16   dataType = 5
	typeInt32   dataType = 6
	typeInt64   dataType = 7
	typeString  dataType = 8
	typeBool    dataType = 9
	typeFloat16 dataType = 10
	typeDouble  dataType = 11
	typeUint32  dataType = 12
	typeUint64  dataType = 13
)

var typeNames = map[dataType]string{
	typeFloat: "float32", typeUint8: "uint8", typeInt8: "int8", typeUint16: "uint16", typeInt16: "int16",
	typeInt32: "int32", typeInt64: "int64", typeString: "string", typeBool: "bool", typeFloat16: "float16",
	typeDouble: "float64", typeUint32: "uint32", typeUint64: "uint64", 16: "bfloat16", 21: "uint4", 22: "int4",
}

// tensorProto keeps its numbers undecoded: raw little-endian bytes, or one of the typed lists.
type tensorProto struct {
	name     string
	dims     []int64
	typ      dataType
	raw      []byte
	floats   []byte  // float_data: little-endian
	doubles  []byte  // double_data: little-endian
	ints     []int64 // int32_data, int64_data, uint64_data
	external bool    // the data lies in another file
}

type valueInfo struct {
	name string
	typ  dataType
	dims []dimension
	// known tells whether the type is a tensor with a shape.
	known bool
}

// dimension is a fixed size or, where param is set or size is 0, a symbolic one.
type dimension struct {
	size  int64
	param string
}
