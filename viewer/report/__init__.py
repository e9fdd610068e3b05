"""The sheets' deliverables as one page, by the window's painters; its sentences are worded from measured numbers."""
