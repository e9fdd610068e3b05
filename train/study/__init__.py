"""What sheets ask to be tried out beside their recipes, measured into numbers that reports read."""
