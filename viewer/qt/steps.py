"""Work in several steps, some of them elsewhere: on the disk, in the worker, in a process that reads images.

A function of steps yields what is wanted elsewhere and goes on with the result once it is there. Where a newer job or
request of the same name replaces what it waits for, it goes on no more.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from viewer.infer.messages import ImageTask, Request
from viewer.qt.child_process import ImageProcesses
from viewer.qt.disk import Disk, Job
from viewer.qt.worker import Workers

Result = TypeVar("Result")
# A pair (key, job) brings a JobResult, a Request its Reply, an ImageTask what was Completed or why not.
Steps: TypeAlias = Generator[tuple[str, Job] | Request | ImageTask, Any, Result]


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """The places where steps are done."""

    disk: Disk
    workers: Workers
    processes: ImageProcesses

    def run(self, steps: Steps[None], result: object = None) -> None:
        """Go on with the result of the last step until the next is wanted elsewhere."""
        try:
            wanted = steps.send(result)
        except StopIteration:
            return
        go_on = partial(self.run, steps)
        if isinstance(wanted, Request):
            self.workers.send(replace(wanted, callback=go_on))
        elif isinstance(wanted, ImageTask):
            self.processes.send(wanted, go_on)
        else:
            self.disk.do(*wanted, go_on)

    @property
    def busy(self) -> bool:
        return self.disk.busy or self.workers.busy or self.processes.busy
