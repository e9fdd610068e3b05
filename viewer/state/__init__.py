"""What the window shows, as values: plain Python and numpy, no Qt and no onnxruntime."""
