"""The assignments that have a report: the files and packages in `sheets`, without loading one of them or Qt."""

from __future__ import annotations

import pkgutil
from pathlib import Path

ASSIGNMENTS = tuple(sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "sheets")])))
