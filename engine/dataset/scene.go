package dataset

import (
	"math"
	"math/rand/v2"
)

const canvasSize = 32

// How hard the scenes are, chosen so that a small residual network gets about
// 95 % of them right and has little capacity to spare. Lengths are in pixels.
const (
	minRadius    = 6  // of the shape
	maxRadius    = 11 // of the shape
	maxStretch   = 20 // percent by which the shape's two axes may differ from the radius
	minContrast  = 90 // by which the shape is brighter than the background, summed over the channels
	maxShading   = 50 // change of the shape's brightness from its centre to its rim
	textureRange = 55 // largest difference of a background's two colours, each channel
	noiseRange   = 34 // largest noise, either way, of each pixel and channel
	maxClutter   = 3  // small shapes behind the shape
	occluded     = 2  // one scene in this many has a bar in front of the shape
)

// drawScene writes one 32×32 image of the shape: a textured background, small
// clutter, the shape in any place, size and brighter colour, tilted and perhaps
// mirrored, maybe a bar in front of it, and noise.
func drawScene(image []uint8, s shape, d dice) {
	var c canvas
	background := d.colour(20, 160)
	c.texture(background, d.near(background, textureRange), d)
	for range d.between(0, maxClutter) {
		c.draw(shape(d.between(0, int32(len(shapeNames))-1)), d.placement(2, 3, 0), d.colour(20, 235), 0)
	}

	paint := d.colour(60, 235)
	for paint.brightness() < background.brightness()+minContrast {
		paint = d.colour(60, 235)
	}
	place := d.placement(minRadius, maxRadius, minRadius)
	place.cos, place.sin = d.tilt()
	if d.oneIn(2) {
		place.u = -place.u
	}
	c.draw(s, place, paint, d.between(-maxShading, maxShading))

	if d.oneIn(occluded) {
		bar := d.placement(maxRadius, maxRadius+8, 0)
		bar.x, bar.y = place.x+d.between(-16, 16), place.y+d.between(-16, 16)
		bar.v *= 8
		c.draw(square, bar, d.colour(20, 235), 0)
	}
	c.expose(image, d)
}

// dice gives the random numbers of one scene. PCG's sequence is specified, unlike
// those of the convenience functions above it.
type dice struct{ pcg *rand.PCG }

func newDice(seed uint64, part demoPart, number int) dice {
	return dice{rand.NewPCG(seed, uint64(part)<<48|uint64(number))}
}

// between is a number from low to high, both included.
func (d dice) between(low, high int32) int32 {
	return low + int32(d.pcg.Uint64()>>33%uint64(high-low+1))
}

func (d dice) oneIn(n int32) bool { return d.between(1, n) == 1 }

// colour is red, green and blue, 0–255.
type colour [3]int32

func (d dice) colour(low, high int32) colour {
	return colour{d.between(low, high), d.between(low, high), d.between(low, high)}
}

// brightness is the sum over the channels.
func (c colour) brightness() int32 { return c[0] + c[1] + c[2] }

// near is a colour that differs from another by at most so much in each channel.
func (d dice) near(c colour, distance int32) colour {
	for i := range c {
		c[i] += d.between(-distance, distance)
	}
	return c
}

// direction is a random unit vector in fixed point. It is drawn by rejection, since
// sines need not be the same on every machine; square roots are.
func (d dice) direction() (cos, sin int32) {
	for {
		x, y := d.between(-1000, 1000), d.between(-1000, 1000)
		if r := x*x + y*y; r >= 100*100 && r <= 1000*1000 {
			length := int64(math.Sqrt(float64(r) * unit))
			return int32(int64(x) * 64 * unit / length), int32(int64(y) * 64 * unit / length)
		}
	}
}

// tilt is a direction at most 35° off the u axis.
func (d dice) tilt() (cos, sin int32) {
	for {
		if cos, sin = d.direction(); 10*cos > 8*unit {
			return cos, sin
		}
	}
}

// placement maps the canvas to a shape's own coordinates. Lengths on the canvas are
// in quarter pixels.
type placement struct {
	x, y   int32 // centre
	cos    int32 // direction of the shape's u axis, fixed point
	sin    int32
	u, v   int32 // scale: shape coordinates per quarter pixel, times 256
	extent int32 // no point farther from the centre is covered
}

// placement draws a size between two radii and a centre at least margin pixels from
// the border.
func (d dice) placement(small, large, margin int32) placement {
	radius := d.between(4*small, 4*large)
	p := placement{
		x:      d.between(4*margin, 4*(canvasSize-margin)),
		y:      d.between(4*margin, 4*(canvasSize-margin)),
		extent: 2 * radius,
	}
	p.cos, p.sin = d.direction()
	p.u = unit * 256 * 100 / (radius * d.between(100-maxStretch, 100+maxStretch))
	p.v = unit * 256 * 100 / (radius * d.between(100-maxStretch, 100+maxStretch))
	return p
}

// canvas holds an image as red, green and blue planes before it is clamped.
type canvas [3][canvasSize * canvasSize]int32

// texture fills the canvas with a pattern of two colours.
func (c *canvas) texture(a, b colour, d dice) {
	pattern := d.between(0, 3)
	cos, sin := d.direction()
	period := d.between(4, 12) * unit
	phase := d.between(0, 2*period)
	var knots [6][6]int32 // of smooth noise, eight pixels apart, fixed point
	for i := range knots {
		for j := range knots[i] {
			knots[i][j] = d.between(0, unit)
		}
	}
	for y := range int32(canvasSize) {
		for x := range int32(canvasSize) {
			along, across := x*cos+y*sin, y*cos-x*sin
			var mix int32 // share of b, fixed point
			switch pattern {
			case 0: // gradient
				mix = max(0, min(unit, unit/2+(along-canvasSize/2*(cos+sin))/canvasSize))
			case 1: // stripes
				mix = band(along+phase, period)
			case 2: // squares
				mix = band(along+phase, period) ^ band(across+phase, period)
			case 3: // clouds
				i, j, fy, fx := y/8, x/8, y%8, x%8
				top := knots[i][j]*(8-fx) + knots[i][j+1]*fx
				bottom := knots[i+1][j]*(8-fx) + knots[i+1][j+1]*fx
				mix = (top*(8-fy) + bottom*fy) / 64
			}
			for k := range c {
				c[k][y*canvasSize+x] = a[k] + (b[k]-a[k])*mix/unit
			}
		}
	}
}

// band alternates between 0 and 1, in fixed point, every half period.
func band(x, period int32) int32 {
	if (x+256*period)/(period/2)%2 == 0 {
		return 0
	}
	return unit
}

// draw paints a shape; four samples a pixel soften its rim. Shading is added to its
// brightness along its u axis.
func (c *canvas) draw(s shape, p placement, paint colour, shading int32) {
	from := func(centre int32) int32 { return max(0, (centre-p.extent)/4) }
	to := func(centre int32) int32 { return min(canvasSize, (centre+p.extent)/4+1) }
	uu, uv := p.cos*p.u/unit, p.sin*p.u/unit
	vu, vv := -p.sin*p.v/unit, p.cos*p.v/unit
	for y := from(p.y); y < to(p.y); y++ {
		for x := from(p.x); x < to(p.x); x++ {
			covered, slope := int32(0), int32(0)
			for sample := range int32(4) {
				dx, dy := 4*x+1+2*(sample&1)-p.x, 4*y+1+sample&2-p.y
				u, v := (dx*uu+dy*uv)/256, (dx*vu+dy*vv)/256
				if s.covers(u, v) {
					covered++
					slope = u
				}
			}
			if covered == 0 {
				continue
			}
			light := slope * shading / unit
			for k := range c {
				pixel := &c[k][y*canvasSize+x]
				*pixel += (paint[k] + light - *pixel) * covered / 4
			}
		}
	}
}

// expose adds noise and writes the canvas as bytes.
func (c *canvas) expose(image []uint8, d dice) {
	i := 0
	for k := range c {
		for pixel := 0; pixel < len(c[k]); pixel += 4 {
			// Two of eight bytes a pixel: the sum of two uniform numbers.
			bits := d.pcg.Uint64()
			for _, light := range c[k][pixel : pixel+4] {
				noise := (int32(bits&255) + int32(bits>>8&255) - 255) * noiseRange / 255
				bits >>= 16
				image[i] = uint8(max(0, min(255, light+noise)))
				i++
			}
		}
	}
}
