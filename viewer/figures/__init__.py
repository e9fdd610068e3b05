"""Painters: one `paint(painter, rect)` each, for the screen and for paper."""
