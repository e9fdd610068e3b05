"""What one training is asked to do, as a value."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from zoo.cli import RUNS_DEFAULT


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
    export: bool = True

    def resume_line(self, recipe_name: str) -> str:
        """Return the command that goes on with this training, to be copied as it is."""
        words = ["aezoo", "train", recipe_name, "--resume"]
        words += ["--data", self.data] if self.data else []
        words += ["--epochs", str(self.epochs)] if self.epochs else []
        words += ["--seed", str(self.seed)] if self.seed else []
        words += ["--device", self.device] if self.device != "auto" else []
        words += ["--runs", str(self.runs)] if self.runs != RUNS_DEFAULT else []
        words += [] if self.export else ["--no-export"]
        return shlex.join(words)
