// Package remote lets several processes share one database: the process that owns it
// serves its workbench on a unix socket beside it, readable by its user only, and the
// others look on and steer from there. The calls are Go's net/rpc; a snapshot travels
// without the episodes that its receiver has already.
package remote

import (
	"galen/engine"
	"galen/store"
)

// protocol is the version both ends must share.
const protocol = 1

// net/rpc wants the types of arguments and replies exported.

// service is the name the calls go by.
const service = "Galen"

// Owner says who serves a database.
type Owner struct {
	Protocol int
	Version  string // of galen
	PID      int
}

// RunRef names a run, with an episode of it and a name where a call takes them.
type RunRef struct {
	Run    string
	Number int
	Name   string
}

// EpisodeReply is a run with one of its episodes.
type EpisodeReply struct {
	Snapshot *engine.Snapshot
	Episode  *store.Episode
}

// ExportRequest says what to export, and to which files.
type ExportRequest struct {
	Run          string
	Episode      int
	ONNX, Policy string
}
