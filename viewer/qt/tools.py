"""What every panel gets: the store, the workers, the image browser and the disk."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.qt.disk import Disk
from viewer.qt.image_browser import ImageBrowser
from viewer.qt.store import AppState
from viewer.qt.worker import Workers


@dataclass(frozen=True, eq=False)
class Tools:
    """The parts of the window that panels use; none of them knows a panel."""

    store: AppState
    workers: Workers
    images: ImageBrowser
    disk: Disk
