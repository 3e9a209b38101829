package compress

import (
	"galen/engine/compress/structure"
)

type (
	Policy      = structure.Policy
	LayerPolicy = structure.LayerPolicy
	LayerInfo   = structure.LayerInfo
	Structure   = structure.Structure
	Size        = structure.Size
	File        = structure.File
)

var (
	Analyze         = structure.Analyze
	ParsePolicy     = structure.ParsePolicy
	Kept            = structure.Kept
	SparsityKeeping = structure.SparsityKeeping
	Uniform         = structure.Uniform
)

func NewFile(s *Structure, p Policy, r *Result) *File {
	return structure.NewFile(s, p, r.Graph, r.Kept)
}
