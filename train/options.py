"""What one training is asked to do, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """`data` is a folder, 'sample', or None for the user's cache; `epochs` None takes the recipe's own number."""

    data: str | None
    runs: Path
    device: str = "auto"
    seed: int = 0
    epochs: int | None = None
    resume: bool = False
    overwrite: bool = False
