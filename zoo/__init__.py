"""What can be learned: recipes, data sets, the run format, and the `aezoo` command.

Importing this package loads neither torch nor onnx: a program that only reads run folders stays light.
"""

__version__ = "0.1.0"
