package agents

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"math"
)

// A checkpoint is, little-endian: the magic, a version, the settings as JSON and the
// random source (each a length and bytes), counters, and every vector as a length and
// its float64s; a CRC-64 of all that comes last. Version 1 did not know what steps cost.
const (
	checkpointMagic   = "galen.ddpg"
	checkpointVersion = 2
)

var checkpointTable = crc64.MakeTable(crc64.ECMA)

// MarshalBinary returns the agent's complete state but its reward, which is a function:
// whoever restores the agent has it. Call it between episodes.
func (a *DDPG) MarshalBinary() ([]byte, error) {
	settings, err := json.Marshal(a.settings)
	if err != nil {
		return nil, fmt.Errorf("encode agent settings: %w", err)
	}
	source, err := a.source.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("encode random source: %w", err)
	}
	vectors := a.vectors()
	size := 256 + len(settings) + len(source) + a.replay.count*(outcomeSize+1)
	for _, v := range vectors {
		size += 8 + 8*len(v)
	}
	b := make([]byte, 0, size)
	b = append(b, checkpointMagic...)
	b = binary.LittleEndian.AppendUint32(b, checkpointVersion)
	b = appendBytes(b, settings)
	b = appendBytes(b, source)
	for _, n := range a.counters() {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for i := range a.replay.count {
		for _, x := range a.replay.outcome[i].fields(checkpointVersion) {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(*x))
		}
		b = append(b, boolByte(a.replay.last[i]))
	}
	for _, v := range vectors {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(v)))
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	}
	return binary.LittleEndian.AppendUint64(b, crc64.Checksum(b, checkpointTable)), nil
}

// UnmarshalBinary replaces the agent's state, settings included, by one that
// MarshalBinary returned, and scores its replay with the agent's own reward. An agent
// that refuses data is left as it was.
func (a *DDPG) UnmarshalBinary(data []byte) error {
	restored, err := restore(data, a.reward)
	if err != nil {
		return fmt.Errorf("restore agent: %w", err)
	}
	*a = *restored
	return nil
}

// restore returns the agent that MarshalBinary described.
func restore(data []byte, reward Reward) (*DDPG, error) {
	const trailer = 8
	if len(data) < len(checkpointMagic)+4+trailer || string(data[:len(checkpointMagic)]) != checkpointMagic {
		return nil, errors.New("not a checkpoint of a DDPG agent")
	}
	body := data[:len(data)-trailer]
	version := binary.LittleEndian.Uint32(body[len(checkpointMagic):])
	if version < 1 || version > checkpointVersion {
		return nil, fmt.Errorf("checkpoint version %d, this galen reads 1 to %d", version, checkpointVersion)
	}
	if crc64.Checksum(body, checkpointTable) != binary.LittleEndian.Uint64(data[len(body):]) {
		return nil, errors.New("checkpoint is damaged: checksum differs")
	}

	r := &reader{rest: body[len(checkpointMagic)+4:]}
	var settings Settings
	decoder := json.NewDecoder(bytes.NewReader(r.bytes()))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&settings); err != nil {
		return nil, fmt.Errorf("agent settings: %w", err)
	}
	a, err := NewDDPG(settings, reward, 0)
	if err != nil {
		return nil, err
	}
	if err := a.source.UnmarshalBinary(r.bytes()); err != nil {
		return nil, fmt.Errorf("random source: %w", err)
	}
	if err := a.setCounters(r); err != nil {
		return nil, err
	}
	for i := range a.replay.count {
		for _, x := range a.replay.outcome[i].fields(version) {
			*x = math.Float64frombits(r.uint64())
		}
		a.replay.last[i] = r.take(1)[0] != 0
	}
	for _, v := range a.vectors() {
		if n := r.uint64(); n != uint64(len(v)) {
			return nil, fmt.Errorf("vector of length %d, want %d", n, len(v))
		}
		for i := range v {
			v[i] = math.Float64frombits(r.uint64())
		}
	}
	if r.short || len(r.rest) > 0 {
		return nil, errors.New("checkpoint has the wrong length")
	}
	a.score()
	return a, nil
}

// counters are the agent's whole numbers and its scalars, in checkpoint order.
func (a *DDPG) counters() []uint64 {
	return []uint64{
		uint64(a.episodes), uint64(a.noiseFrom),
		a.actorAdam.steps, a.criticAdam.steps,
		uint64(a.replay.next), uint64(a.replay.count),
		math.Float64bits(a.scaler.count), math.Float64bits(a.average), uint64(boolByte(a.averaged)),
	}
}

func (a *DDPG) setCounters(r *reader) error {
	const most = 1 << 31
	episodes, noiseFrom := r.uint64(), r.uint64()
	a.actorAdam.steps, a.criticAdam.steps = r.uint64(), r.uint64()
	next, count := r.uint64(), r.uint64()
	a.scaler.count = math.Float64frombits(r.uint64())
	a.average = math.Float64frombits(r.uint64())
	a.averaged = r.uint64() != 0
	if episodes > most || noiseFrom > most || next >= uint64(a.replay.capacity) || count > uint64(a.replay.capacity) {
		return errors.New("counters out of range")
	}
	a.episodes, a.noiseFrom = int(episodes), int(noiseFrom)
	a.replay.next, a.replay.count = int(next), int(count)
	return nil
}

// vectors are all the agent's vectors, in checkpoint order; the filled part of the replay.
func (a *DDPG) vectors() [][]float64 {
	return [][]float64{
		a.actor.params, a.critic.params, a.targetActor.params, a.targetCritic.params,
		a.actorAdam.first, a.actorAdam.second, a.criticAdam.first, a.criticAdam.second,
		a.scaler.mean, a.scaler.squares, a.explorer.shared,
		a.replay.state[:a.replay.count*a.replay.states],
		a.replay.action[:a.replay.count*a.replay.actions],
	}
}

const outcomeSize = 5 * 8

func (o *Outcome) fields(version uint32) []*float64 {
	fields := []*float64{&o.Accuracy, &o.ReferenceAccuracy, &o.Latency, &o.ReferenceLatency}
	if version > 1 {
		fields = append(fields, &o.Before)
	}
	return fields
}

func appendBytes(b, data []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	return append(b, data...)
}

func boolByte(x bool) byte {
	if x {
		return 1
	}
	return 0
}

// reader reads a checkpoint's body; past its end it reads zeros and says so in short.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.short, r.rest = true, nil
		return make([]byte, min(n, 8))
	}
	data := r.rest[:n]
	r.rest = r.rest[n:]
	return data
}

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *reader) bytes() []byte {
	n := r.uint64()
	if n > uint64(len(r.rest)) {
		r.short, r.rest = true, nil
		return nil
	}
	return r.take(int(n))
}
