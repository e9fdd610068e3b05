"""The name `aezoo` for Python, so that `python -m aezoo` is the command; what it can do is in the package `zoo`."""
