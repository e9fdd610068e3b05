"""The ways of moving about in bottlenecks, one a module; the panel shows one of them at a time."""
