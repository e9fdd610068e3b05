"""`aezoo bench train`: our engine beside what one would otherwise use, epoch by epoch in turn."""
