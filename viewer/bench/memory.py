"""How much memory processes hold, each page shared out among those that map it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def held(process_ids: Iterable[int]) -> float | None:
    """Return the sum of the processes' proportional set sizes in MB (10⁶ bytes); None where nothing tells them."""
    total = 0
    for process_id in process_ids:
        try:
            lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()
        except OSError:
            return None
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6
