"""The window's side of the worker process: mailboxes in which the newest request wins, deadlines, restarts, a spare.

The worker has one request at a time. While pages are turned or a slider is dragged, requests of low priority wait:
those of other panels would hold up the next picture. A worker that dies, hangs or sends nonsense is killed and replaced
by the spare, and a notice says so; its request is sent once more. A file that ended two workers is not opened again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, get_args

from PySide6.QtCore import QElapsedTimer, QObject, QProcessEnvironment, QTimer, Signal

from viewer.infer import messages
from viewer.infer.messages import Completed, Message, NotOpen, Ready, Refused, Reply, Request, WorkerReply
from viewer.qt.child_process import ChildProcess, python_command, with_one_thread
from viewer.state.formatting import clean
from zoo.protocol import Frame, ProtocolError

START_SECONDS = 30.0
STARTS_IN_A_ROW = 3
KILLS_PER_FILE = 2
DEBOUNCE_MILLISECONDS = 40  # low priority waits so long after an urgent reply: a held key repeats every 25 to 33 ms
_KEPT_VARIABLES = ("SYSTEMROOT", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "HOME")


class WorkerProcess(ChildProcess):
    """One worker: it says once that it is ready, and then answers requests."""

    became_ready = Signal(object)
    answered = Signal(object)

    def __init__(self, command: list[str], parent: QObject | None = None) -> None:
        self.ready: Ready | None = None
        self.opened: dict[tuple[str, messages.Kind], float] = {}  # its graphs, opened as what; seconds to run one
        super().__init__(command, _environment(), parent)

    def take(self, frame: Frame) -> None:
        if self.ready is None:
            self.ready = messages.decode(frame, Ready)
            self.became_ready.emit(self)
        else:
            self.answered.emit(messages.decode(frame, Completed, NotOpen, Refused))


class Workers(QObject):
    """Takes requests, gives replies; the only part of the worker process that panels see."""

    answered = Signal(object)  # Reply
    notice = Signal(str)  # a sentence on what happened to a worker
    worker_ready = Signal(object)  # Ready, of the worker now in use
    idle = Signal()

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        open_seconds: float = messages.OPEN_SECONDS,
        run_seconds: float = messages.RUN_SECONDS,
        keep_spare: bool = True,
    ) -> None:
        super().__init__(parent)
        self._seconds = dict.fromkeys(get_args(messages.Kind), open_seconds) | {"run": run_seconds}
        self._keep_spare = keep_spare
        self._mailboxes: OrderedDict[str, Request] = OrderedDict()
        self._sent: Request | None = None  # with the worker now
        self._kind: messages.Kind = "graph"  # of what was sent for it: to run a graph it may have to be opened first
        self._number = 0
        self._kills: Counter[str] = Counter()
        self._failed_starts = 0
        self._given_up = ""
        self._closing = False
        self._clock = QElapsedTimer()
        self._deadline = QTimer(self, singleShot=True)
        self._deadline.timeout.connect(self._too_late)
        self._debounce = QTimer(self, singleShot=True)  # while it runs, requests of low priority wait
        self._debounce.timeout.connect(self._next)
        self._spare: WorkerProcess | None = None
        self._active: WorkerProcess | None = self._new_process()

    # ---- requests ----

    def send(self, request: Request) -> None:
        """Put a request into its requester's mailbox; it replaces an older one there."""
        if self._kills[request.file.key] >= KILLS_PER_FILE:
            self._answer_later(Reply(request, error=_refusal(request.file.label)))
        elif self._given_up:
            self._answer_later(Reply(request, error=self._given_up))
        else:
            self._mailboxes[request.requester] = request
            if request.low_priority and not self._debounce.isActive():
                self._debounce.start(0)  # a more urgent request for the same change may still follow in this turn
            self._next()

    def withdraw(self, requests: Collection[Request]) -> bool:
        """Take requests back if all of them are still waiting; return whether they were."""
        if not all(self._mailboxes.get(request.requester) is request for request in requests):
            return False
        for request in requests:
            del self._mailboxes[request.requester]
        return True

    def retry_killed_files(self) -> None:
        """Forget which files ended workers, so that these may be opened once more."""
        self._kills.clear()

    @property
    def busy(self) -> bool:
        return bool(self._mailboxes) or self._sent is not None

    @property
    def process_id(self) -> int:
        """The process id of the worker in use, 0 while there is none."""
        return self._active.process_id if self._active else 0

    @property
    def started(self) -> bool:
        """Whether a worker is ready, or none ever will be."""
        return self.ready is not None or bool(self._given_up)

    @property
    def ready(self) -> Ready | None:
        return self._active.ready if self._active else None

    def close(self) -> None:
        """End every worker."""
        self._closing = True
        self._deadline.stop()
        self._debounce.stop()
        for process in self.findChildren(WorkerProcess):  # those being killed too
            process.close()
        self._active = self._spare = None

    def _answer_later(self, reply: Reply) -> None:
        QTimer.singleShot(0, self, lambda: self._answer(reply))

    def _answer(self, reply: Reply) -> None:
        reply.request.callback(reply)
        self.answered.emit(reply)

    def _next(self) -> None:
        """Send the oldest of the most urgent requests if the worker is free."""
        if self._sent is not None or self._active is None or self._active.ready is None:
            return
        if not self._mailboxes:
            self._prepare_spare()
            self.idle.emit()
            return
        request = min(self._mailboxes.values(), key=_rank)  # the first of equal rank
        if request.low_priority and self._debounce.isActive():
            return
        self._sent = self._mailboxes.pop(request.requester)
        self._transmit(request)

    def _transmit(self, request: Request) -> None:
        assert self._active is not None
        self._number += 1
        if request.kind == "run" and (request.file.key, request.open_kind) in self._active.opened:
            self._kind = "run"
            message: Message = messages.run_message(self._number, request)
        else:
            self._kind = request.open_kind
            message = messages.open_message(self._number, self._kind, request.file)
        self._clock.start()
        self._deadline.start(round(1000 * self._allowed()))
        self._active.send(message)

    # ---- replies ----

    def _take(self, process: WorkerProcess, reply: WorkerReply) -> None:
        request = self._sent
        if process is not self._active or request is None:
            return process.stop("sent a reply without a request")
        if reply.number != self._number:
            return process.stop("replied to another request")
        self._deadline.stop()
        if isinstance(reply, Refused):
            error = clean(reply.sentence, limit=500)
            return self._finish(Reply(request, reply.facts, milliseconds=self._elapsed(), error=error))
        if isinstance(reply, NotOpen):
            process.opened.pop((request.file.key, request.open_kind), None)
            return self._transmit(request)
        assert isinstance(reply, Completed), reply
        if self._kind in ("graph", "layers"):
            process.opened[request.file.key, self._kind] = _seconds(reply.facts)
            if request.kind == "run":
                return self._transmit(request)
        try:
            messages.check(request, reply)
        except ProtocolError as error:
            return process.stop(f"sent an invalid reply: {error}")
        return self._finish(Reply(request, reply.facts, reply.arrays, self._elapsed()))

    def _elapsed(self) -> float:
        return self._clock.nsecsElapsed() / 1e6

    def _finish(self, reply: Reply) -> None:
        self._sent = None
        if not reply.error:
            self._kills.pop(reply.request.file.key, None)
        if reply.request.kind == "run" and not reply.request.low_priority:
            self._debounce.start(DEBOUNCE_MILLISECONDS)
        self._answer(reply)
        self._next()

    # ---- processes ----

    def _new_process(self) -> WorkerProcess:
        process = WorkerProcess(command(), self)
        process.became_ready.connect(self._ready)
        process.answered.connect(lambda reply: self._take(process, reply))
        process.ended.connect(lambda why: self._ended(process, why))
        QTimer.singleShot(round(1000 * START_SECONDS), process, lambda: self._check_start(process))
        return process

    def _check_start(self, process: WorkerProcess) -> None:
        if process.ready is None:
            process.stop(f"was not ready within {START_SECONDS:g} s")

    def _prepare_spare(self) -> None:
        if self._keep_spare and self._spare is None and not self._closing:
            self._spare = self._new_process()

    def _ready(self, process: WorkerProcess) -> None:
        self._failed_starts = 0
        if process is self._active:
            self.worker_ready.emit(process.ready)
            self._next()

    def _too_late(self) -> None:
        if self._active is not None:
            self._active.stop(f"did not reply within {self._allowed():g} s")

    def _allowed(self) -> float:
        """Return how many seconds what was sent may take: a large network gets more."""
        seconds, request = self._seconds[self._kind], self._sent
        if self._kind != "run" or request is None or self._active is None:
            return seconds
        return max(seconds, self._active.opened.get((request.file.key, request.open_kind), 0.0))

    def _ended(self, process: WorkerProcess, why: str) -> None:
        if self._closing:
            return
        if process.ready is None:
            self._failed_starts += 1
        if process is self._spare:
            self._spare = None
            if self._failed_starts < STARTS_IN_A_ROW:
                self._prepare_spare()
            return
        self._deadline.stop()
        self._replace(why)

    def _replace(self, why: str) -> None:
        """Put the spare to use after a worker has ended, and decide what becomes of the request it had."""
        request, self._sent = self._sent, None
        self._active, self._spare = self._spare, None
        if self._failed_starts >= STARTS_IN_A_ROW:
            return self._give_up(why)
        if self._active is None:
            self._active = self._new_process()
        if request is not None:
            self._count_kill(request, why)
        elif why:
            self.notice.emit(f"The worker process {why} and was replaced.")
        if self._active.ready is not None:
            self.worker_ready.emit(self._active.ready)
        return self._next()

    def _count_kill(self, request: Request, why: str) -> None:
        label, key = request.file.label, request.file.key
        self._kills[key] += 1
        if self._kills[key] < KILLS_PER_FILE:
            self.notice.emit(f"The worker process {why} over {label} and was replaced; the file is tried once more.")
            self._mailboxes.setdefault(request.requester, request)
            return
        refused = [entry for entry in self._mailboxes.values() if entry.file.key == key]
        for entry in (request, *refused):
            self._mailboxes.pop(entry.requester, None)
            self._answer_later(Reply(entry, error=_refusal(label, why)))

    def _give_up(self, why: str) -> None:
        self._given_up = f"no worker process can be started: it {why}"
        self.notice.emit(f"Files cannot be opened: {self._given_up}.")
        waiting = list(self._mailboxes.values())
        self._mailboxes.clear()
        for request in waiting:
            self._answer_later(Reply(request, error=self._given_up))


def _seconds(facts: Mapping[str, Any]) -> float:
    """Return how long a graph may run, as its opening says; no process can ask for more than the most."""
    seconds = facts.get("seconds")
    fits = isinstance(seconds, int | float) and seconds >= 0
    return min(float(seconds), messages.MOST_RUN_SECONDS) if fits and seconds is not None else 0.0


def _rank(request: Request) -> int:
    """What a picture is waiting for goes first, then what can wait a little, then histories."""
    return 2 if request.kind == "history" else int(request.low_priority)


def _refusal(label: str, why: str = "") -> str:
    last = f" (the last {why})" if why else ""
    return f"{label} ended {KILLS_PER_FILE} worker processes{last} and is not opened again; press F5 to try once more"


def command() -> list[str]:
    """The worker's command line."""
    return python_command("viewer.infer.worker")


def _environment() -> QProcessEnvironment:
    system, kept = QProcessEnvironment.systemEnvironment(), QProcessEnvironment()
    for name in _KEPT_VARIABLES:
        if system.contains(name):
            kept.insert(name, system.value(name))
    return with_one_thread(kept)
