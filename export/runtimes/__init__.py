"""The matrix: every graph through every runtime that is installed, each in a process of its own under limits."""
