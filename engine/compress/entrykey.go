package compress

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math"
)

// entryKey is the hash of what an entry of a Database follows from.
type entryKey [sha256.Size]byte

// hashFloats adds numbers to a hash.
func hashFloats(w io.Writer, x []float32) error {
	buffer := make([]byte, 0, 1<<16)
	for i, v := range x {
		buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(v))
		if len(buffer) == cap(buffer) || i == len(x)-1 {
			if _, err := w.Write(buffer); err != nil {
				return err
			}
			buffer = buffer[:0]
		}
	}
	return nil
}
