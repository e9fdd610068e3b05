"""`plus`, our own assignment: what the sheets ask beside their recipes. One file each, with RECIPES at its foot.

A file that is put here is found by the registry, like an assignment's.
"""
