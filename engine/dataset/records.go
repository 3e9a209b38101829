package dataset

import (
	"io"
	"sort"
)

// records is the source of images that lie uncompressed in files, one after the other.
type records struct {
	runs []run
	ends []int // how many images there are up to the end of each run
}

// run is equally spaced images of one file.
type run struct {
	name     string
	bytes    io.ReaderAt
	first    int64 // where the first image's pixels start
	stride   int64 // from an image's start to the next one's
	count    int
	channels int // of pixels stored channels last; 0: channels are outermost
}

func (r *records) append(next run) {
	total := next.count
	if n := len(r.ends); n > 0 {
		total += r.ends[n-1]
	}
	r.runs, r.ends = append(r.runs, next), append(r.ends, total)
}

func (r *records) read(i int, dst []uint8) error {
	at := sort.SearchInts(r.ends, i+1)
	run := &r.runs[at]
	if at > 0 {
		i -= r.ends[at-1]
	}
	stored := dst
	if run.channels > 1 {
		stored = make([]uint8, len(dst))
	}
	if n, err := run.bytes.ReadAt(stored, run.first+int64(i)*run.stride); n < len(stored) {
		return unreadable(run.name, err)
	}
	if run.channels > 1 {
		plane := len(dst) / run.channels
		for c := range run.channels {
			out := dst[c*plane : (c+1)*plane]
			for p := range out {
				out[p] = stored[p*run.channels+c]
			}
		}
	}
	return nil
}
