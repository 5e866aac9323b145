"""The two generations of Taiwan's citizen certificate card: what they share, and each alone."""
