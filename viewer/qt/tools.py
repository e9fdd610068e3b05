"""What every panel gets: the store, the workers, the image browser, the disk, the list of runs, the settings."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.qt.disk import Disk
from viewer.qt.image_browser import ImageBrowser
from viewer.qt.run_list import RunList
from viewer.qt.settings import Settings
from viewer.qt.steps import Elsewhere
from viewer.qt.store import AppState
from viewer.qt.worker import Workers


@dataclass(frozen=True, eq=False)
class Tools:
    """The parts of the window that panels use; none of them knows a panel."""

    store: AppState
    workers: Workers
    images: ImageBrowser
    disk: Disk
    elsewhere: Elsewhere
    runs: RunList
    settings: Settings
