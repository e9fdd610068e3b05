"""Looking at what was learned: a desktop window on run folders and ONNX files."""
