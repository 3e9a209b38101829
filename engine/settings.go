package engine

// Settings are what a person decides about a run; they are stored with it.
type Settings struct {
	Name     string  `json:"name"`
	Demo     bool    `json:"demo,omitempty"`  // the built-in model and data
	Model    string  `json:"model,omitempty"` // path of the ONNX file
	Data     string  `json:"data,omitempty"`  // path of the data folder
	Agent    string  `json:"agent"`           // joint, prune, quantize
	Device   string  `json:"device"`          // local, roofline:
	Target   float64 `json:"target"`          // wanted latency ÷ latency of the uncompressed model
	Beta     float64 `json:"beta"`            // weight of the latency term in the reward
	Episodes int     `json:"episodes"`
	Seed     uint64  `json:"seed"`
	RoundTo  int     `json:"round_to"` // channels are kept in multiples of this
	MaxBits  int     `json:"max_bits"` // ceiling of mixed precision
}
