package kernel

// pixelLanesFit tells whether a convolution can have pixels across lanes, with planes of a row of the output that are
// not beyond the caches.
func pixelLanesFit(isa ISA, s Shape) bool {
	const most = 1 << 20
	v := vectorOf(isa)
	if v == nil || v.pixelLanes.shift == nil || s.Groups != 1 || s.InC > lanes || s.OutC > lanes ||
		s.Stride != [2]int{1, 1} || s.OutW != s.InW {
		return false
	}
	row := (s.Kernel[1] + 1) * ceilDiv(s.InC, 4) * s.InW * quadBytes
	return (s.Kernel[0]-1)*s.Dilation[0] < most/row
}

// pixelLanesFaster tells whether pixels across lanes make a convolution that fits faster. Channels across lanes come in
// eights.
func pixelLanesFaster(s Shape) bool {
	pixels := s.OutW * s.OutH
	switch {
	case pixels < 4*pixelVector:
		return false
	case s.OutC <= 4 || s.OutC > 8 && s.OutC <= 12:
		return true
	case s.OutC <= 8:
		return s.InC <= 8 && pixels%pixelVector == 0
	}
	return false
}
