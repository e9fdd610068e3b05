"""What every figure with axes is made of: ticks, axes, curves and a legend."""
