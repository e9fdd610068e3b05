"""One panel a file: each shows the state and asks the worker, and reaches for nothing else."""
