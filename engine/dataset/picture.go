package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // registered for image.Decode
	_ "image/png"
	"os"
	"sync"
)

// picturePixels bounds the pictures that are decoded, each and all that are at a time; one takes at most a
// dozen bytes a pixel while it is.
const picturePixels = 1 << 26

// decoding holds a part for every million pixels of the pictures that are decoded now. One goroutine at a time
// takes parts, lest two wait for what the other has.
var (
	decoding = make(chan struct{}, picturePixels/partPixels)
	taking   sync.Mutex
)

const partPixels = 1 << 20

// takeRoom waits until a picture of so many pixels can be decoded.
func takeRoom(pixels int) (giveBack func()) {
	taking.Lock()
	defer taking.Unlock()
	parts := (pixels + partPixels - 1) / partPixels
	for range parts {
		decoding <- struct{}{}
	}
	return func() {
		for range parts {
			<-decoding
		}
	}
}

// picture is a decoded file, one plane a channel.
type picture struct {
	width, height int
	planes        [][]uint8 // grey, or red, green and blue
}

// openPicture decodes a PNG or JPEG file, told apart by content. The error names the file.
func openPicture(file string) (*picture, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading images: %w", err)
	}
	p, err := decodePicture(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s cannot be read as PNG or JPEG (%w); replace or remove it", file, err)
	}
	return p, nil
}

// readSeeker is what decodePicture reads twice: the size first.
type readSeeker interface {
	Read([]byte) (int, error)
	Seek(offset int64, whence int) (int64, error)
}

func decodePicture(in readSeeker) (*picture, error) {
	config, _, err := image.DecodeConfig(bufio.NewReader(in))
	if err != nil {
		return nil, err
	}
	if w, h := config.Width, config.Height; w < 1 || h < 1 || w > picturePixels/h {
		return nil, fmt.Errorf("it has %d×%d pixels, galen takes up to %d million", w, h, picturePixels/1000000)
	}
	if _, err := in.Seek(0, 0); err != nil {
		return nil, err
	}
	defer takeRoom(config.Width * config.Height)()
	m, _, err := image.Decode(bufio.NewReader(in))
	if err != nil {
		return nil, err
	}
	return split(m), nil
}

// split separates the channels as Pillow's convert("RGB") does: transparency is
// dropped, sixteen bits lose the lower eight, palettes are looked up.
func split(m image.Image) *picture {
	bounds := m.Bounds()
	p := &picture{width: bounds.Dx(), height: bounds.Dy()}
	switch m := m.(type) {
	case *image.Gray:
		p.take(m.Pix, m.Stride, 1, 0)
	case *image.Gray16:
		p.take(m.Pix, m.Stride, 2, 0)
	case *image.RGBA: // PNG without transparency; the fourth byte is always 255
		p.take(m.Pix, m.Stride, 4, 0, 1, 2)
	case *image.NRGBA:
		p.take(m.Pix, m.Stride, 4, 0, 1, 2)
	case *image.RGBA64:
		p.take(m.Pix, m.Stride, 8, 0, 2, 4)
	case *image.NRGBA64:
		p.take(m.Pix, m.Stride, 8, 0, 2, 4)
	case *image.YCbCr:
		p.takeYCbCr(m)
	case *image.Paletted:
		var palette [256][3]uint8
		for i, c := range m.Palette[:min(256, len(m.Palette))] {
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			palette[i] = [3]uint8{n.R, n.G, n.B}
		}
		p.each(3, func(x, y int) [3]uint8 { return palette[m.Pix[y*m.Stride+x]] })
	default: // CMYK
		p.each(3, func(x, y int) [3]uint8 {
			r, g, b, _ := m.At(bounds.Min.X+x, bounds.Min.Y+y).RGBA()
			return [3]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8)}
		})
	}
	return p
}

// take copies the bytes at the offsets within each pixel of the given size.
func (p *picture) take(pixels []uint8, stride, size int, offsets ...int) {
	for _, offset := range offsets {
		plane := make([]uint8, p.width*p.height)
		for y := range p.height {
			row, out := pixels[y*stride+offset:], plane[y*p.width:(y+1)*p.width]
			for x := range out {
				out[x] = row[x*size]
			}
		}
		p.planes = append(p.planes, plane)
	}
}

// each asks for every pixel.
func (p *picture) each(channels int, at func(x, y int) [3]uint8) {
	for range channels {
		p.planes = append(p.planes, make([]uint8, p.width*p.height))
	}
	for y := range p.height {
		for x := range p.width {
			pixel := at(x, y)
			for c, plane := range p.planes {
				plane[y*p.width+x] = pixel[c]
			}
		}
	}
}

// inChannels makes grey of colour or colour of grey where the network wants it.
func (p *picture) inChannels(channels int) [][]uint8 {
	switch {
	case len(p.planes) == channels:
		return p.planes
	case channels == 3:
		return [][]uint8{p.planes[0], p.planes[0], p.planes[0]}
	}
	// ITU-R 601 luma with Pillow's weights.
	grey := make([]uint8, p.width*p.height)
	red, green, blue := p.planes[0], p.planes[1], p.planes[2]
	for i := range grey {
		grey[i] = uint8((uint32(red[i])*19595 + uint32(green[i])*38470 + uint32(blue[i])*7471 + 1<<15) >> 16)
	}
	return [][]uint8{grey}
}
