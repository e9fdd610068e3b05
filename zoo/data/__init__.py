"""Bytes of data sets: where they lie, how they are checked, and what they become (`Images`)."""
