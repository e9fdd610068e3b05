"""The assignments: one file each, ending in its RECIPES. A file put here is registered by being here."""
