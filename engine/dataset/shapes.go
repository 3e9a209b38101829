package dataset

import "math"

// shape is a class of the demo data.
type shape int

const (
	disc shape = iota
	ring
	square
	triangle
	cross
	star
	crescent
	heart
	arrow
	checker
)

var shapeNames = [ShapeClasses]string{"disc", "ring", "square", "triangle", "cross", "star", "crescent", "heart", "arrow", "checker"}

// ShapeClasses is the number of classes of the demo data.
const ShapeClasses = 10

// unit is 1 in the fixed-point numbers of this file: twelve binary places.
const unit = 4096

// q turns a constant into fixed point.
func q(x float64) int32 { return int32(math.Round(x * unit)) }

// Outward normals of a triangle and of a pentagon, as (u, v) in fixed point; v points
// down, as in images.
var (
	triangleSides = [3][2]int32{{0, 4096}, {3547, -2048}, {-3547, -2048}}
	starSides     = [5][2]int32{{0, -4096}, {3896, -1266}, {2408, 3314}, {-2408, 3314}, {-3896, -1266}}
)

// Distances within the shapes; a shape fills about the unit circle.
var (
	ringHole     = q(0.52)
	squareHalf   = q(0.80)
	triangleSide = q(0.55)
	crossArm     = q(0.27)
	crossLength  = q(0.95)
	starSide     = q(0.36)
	moonShift    = q(0.50)
	moonHole     = q(0.82)
	heartHalf    = q(0.55)
	heartShift   = q(0.20)
	halfRoot     = q(math.Sqrt2 / 2)
	arrowShaft   = q(0.22)
	arrowNeck    = q(0.05)
	checkerHalf  = q(0.87)
	checkerCell  = q(0.58)
)

// covers tells whether the shape covers the point (u, v), given in fixed point
// and of any size that fits a canvas.
func (s shape) covers(u, v int32) bool {
	switch s {
	case disc:
		return within(u, v, unit)
	case ring:
		return within(u, v, unit) && !within(u, v, ringHole)
	case square:
		return abs(u) < squareHalf && abs(v) < squareHalf
	case triangle:
		for _, side := range triangleSides {
			if outside(u, v, side, triangleSide) {
				return false
			}
		}
		return true
	case cross:
		return abs(u) < crossArm && abs(v) < crossLength || abs(v) < crossArm && abs(u) < crossLength
	case star:
		// The points of a pentagram lie beyond just one side of its inner pentagon.
		beyond := 0
		for _, side := range starSides {
			if outside(u, v, side, starSide) {
				beyond++
			}
		}
		return beyond <= 1
	case crescent:
		return within(u, v, unit) && !within(u-moonShift, v, moonHole)
	case heart:
		// A square on its corner with a half disc on each of its upper sides.
		u, v = (u-v)*halfRoot/unit+heartShift, (-u-v)*halfRoot/unit+heartShift
		return abs(u) < heartHalf && abs(v) < heartHalf || within(u-heartHalf, v, heartHalf) || within(u, v-heartHalf, heartHalf)
	case arrow:
		return abs(u) < arrowShaft && v < unit && v >= -arrowNeck || v < -arrowNeck && abs(u) < unit+v
	case checker:
		if abs(u) >= checkerHalf || abs(v) >= checkerHalf {
			return false
		}
		return ((u+checkerHalf)/checkerCell+(v+checkerHalf)/checkerCell)%2 == 0
	}
	panic("dataset: no such shape")
}

// within tells whether a point is closer to the origin than the radius.
func within(u, v, radius int32) bool {
	return int64(u)*int64(u)+int64(v)*int64(v) < int64(radius)*int64(radius)
}

// outside tells whether a point is beyond a line at a distance from the origin.
func outside(u, v int32, normal [2]int32, distance int32) bool {
	return int64(u)*int64(normal[0])+int64(v)*int64(normal[1]) > int64(distance)*unit
}

func abs(x int32) int32 { return max(x, -x) }
