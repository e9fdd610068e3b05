"""What pictures of the user's own are, each read once: counts, sizes, classes, splits; and a contact sheet of some."""

from __future__ import annotations

import io
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data import own, own_files
from zoo.data.own_files import PictureSource
from zoo.errors import DataError

CELL = 64  # pixels a side
COLUMNS, MOST = 16, 160  # pictures on the sheet
GAP = 4


@dataclass(eq=False)
class Survey:
    """What was found: `sizes` counts pictures by (width, height), `cells` are some of them, uint8 (3, 64, 64)."""

    source: PictureSource
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    grey: int = 0
    unreadable: list[str] = field(default_factory=list)
    cells: dict[int, np.ndarray] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        source, sides = self.source, [side for size in self.sizes for side in size]
        return {
            "path": str(source.path),
            "kind": source.kind,
            "pictures": len(source),
            "sizes": len(self.sizes),
            "smallest_side": min(sides, default=0),
            "largest_side": max(sides, default=0),
            "commonest_size": list(self.sizes.most_common(1)[0][0]) if self.sizes else None,
            "grey": self.grey,
            "classes": {name: int(np.sum(source.labels == label)) for label, name in enumerate(source.classes)},
            "splits": {split: int(np.sum(source.splits == split)) for split in ("train", "val", "test")}
            if source.splits[0]
            else None,
            "unreadable": self.unreadable,
        }

    def as_text(self) -> str:
        facts = self.as_json()
        lines = [f"{facts['path']}: {facts['pictures']:,} pictures ({facts['kind']})"]
        if facts["commonest_size"]:
            width, height = facts["commonest_size"]
            sides = f"sides of {facts['smallest_side']} to {facts['largest_side']} pixels, "
            several = f"{sides}{facts['sizes']:,} sizes, most often " if facts["sizes"] > 1 else "all of "
            lines.append(f"  size      {several}{width}×{height}; {facts['grey']:,} are grey")
        lines.append(f"  classes   {self._classes(facts['classes'])}")
        splits = facts["splits"]
        cut = ", ".join(f"{split} {count:,}" for split, count in splits.items() if count) if splits else ""
        lines.append(f"  splits    {cut or 'none; they would be cut 80/10/10'}")
        names = ", ".join(self.unreadable[:3]) + (", …" if len(self.unreadable) > 3 else "")
        lines.append(f"  unreadable  {len(self.unreadable):,}{f' ({names})' if names else ''}")
        return "\n".join(lines)

    def _classes(self, counts: dict[str, int]) -> str:
        if not counts:
            return f"none: {self.source.kinds:,} are more than can be told apart" if self.source.kinds else "none"
        shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:12])
        return f"{len(counts)}: {shown}{', …' if len(counts) > 12 else ''}"


def survey(path: Path, *, show: bool) -> Survey:
    """Read each picture once. Raises DataError where there are none."""
    source = own_files.find(path)
    found, shown = Survey(source), set(np.linspace(0, len(source) - 1, min(MOST, len(source))).astype(int).tolist())

    def one(row: int) -> tuple[tuple[int, int], bool, np.ndarray | None] | None:
        try:
            picture = source.read(row, own.SHARPER * CELL)
            cell = own.fitted(picture, (3, CELL, CELL)) if row in shown else None
        except DataError:
            return None
        finally:
            advance("reading", len(source))
        return source.size(row), bool((picture[..., :1] == picture).all()), cell

    with own.bar(show) as advance, ThreadPoolExecutor(own.THREADS) as threads:
        for row, about in enumerate(threads.map(one, range(len(source)))):
            if about is None:
                found.unreadable.append(source.names[row])
                continue
            size, is_grey, cell = about
            found.sizes[size] += 1
            found.grey += is_grey
            if cell is not None:
                found.cells[row] = cell
    return found


def to_png(found: Survey) -> bytes:
    """Return the contact sheet. Raises DataError where no picture can be read."""
    from PIL import Image

    if not found.cells:
        raise DataError(f"no picture in {found.source.path} can be read, so there is nothing to put on a sheet")
    cells = [found.cells[row] for row in sorted(found.cells)]
    step, rows = CELL + GAP, math.ceil(len(cells) / COLUMNS)
    sheet = np.full((rows * step + GAP, min(COLUMNS, len(cells)) * step + GAP, 3), 255, np.uint8)
    for number, cell in enumerate(cells):
        top, left = (GAP + step * index for index in divmod(number, COLUMNS))
        sheet[top : top + CELL, left : left + CELL] = cell.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue()
