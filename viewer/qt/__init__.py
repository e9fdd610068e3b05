"""The widgets, and what connects them to the disk and to the worker process."""
