"""The window's side of the worker process: mailboxes where the newest question wins, deadlines, restarts, a spare.

One question is with the worker at a time. While pages are turned or a slider is dragged, patient questions wait: those
of the panels beside would hold up the next picture. A worker that dies, hangs or talks nonsense is killed, told of in
one sentence and replaced by the spare; its question is asked once more, and a file that has ended two workers is not
opened again.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import get_args

from PySide6.QtCore import QElapsedTimer, QObject, QProcess, QProcessEnvironment, QTimer, Signal

from viewer.infer import requests
from viewer.infer.protocol import Decoder, Message, ProtocolError
from viewer.infer.requests import Ready, Reply, Request
from viewer.state.formatting import clean

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
STARTS_IN_A_ROW = 3
KILLS_PER_FILE = 2
DEBOUNCE_MILLISECONDS = (
    40  # without a hurried answer until patient questions go on: a held key repeats every 25 to 33 ms
)
PIECE_BYTES = 1 << 20  # written to a worker in one go: a whole file of 15 MB takes the window a frame
_KEPT_VARIABLES = ("SYSTEMROOT", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "HOME")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # a thread that runs before the sandbox shuts is not in it


class WorkerProcess(QObject):
    """One process: bytes out, messages in. `ended` comes once, with why."""

    became_ready = Signal(object)
    answered = Signal(object)
    ended = Signal(str)

    def __init__(self, command: list[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.ready: Ready | None = None
        self.opened: set[tuple[str, requests.Kind]] = set()  # sha256 of the graphs it holds, and opened as what
        self._decoder = Decoder()
        self._over = False
        self._last_words = b""
        self._process = QProcess(self)
        self._process.setProcessEnvironment(_environment())
        self._outbox: deque[memoryview] = deque()
        self._process.bytesWritten.connect(self._feed)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._hear)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed)
        self._process.start(command[0], command[1:])

    @property
    def process_id(self) -> int:
        return self._process.processId()

    def send(self, parts: Iterable[memoryview]) -> None:
        """Send a message; of a large one only a piece at a time is copied."""
        self._outbox += (part for part in parts if part.nbytes)
        self._feed()

    def _feed(self) -> None:
        while self._outbox and self._process.bytesToWrite() < PIECE_BYTES:
            part = self._outbox.popleft()
            if part.nbytes > PIECE_BYTES:
                self._outbox.appendleft(part[PIECE_BYTES:])
            self._process.write(bytes(part[:PIECE_BYTES]))

    def stop(self, why: str) -> None:
        """Kill it and say why; a second reason is not heard."""
        if self._over:
            return
        self._over = True
        if self._process.state() == QProcess.ProcessState.NotRunning:
            self.deleteLater()
        else:
            self._process.finished.connect(self.deleteLater)
            self._process.kill()
        self.ended.emit(why)

    def close(self) -> None:
        """End it in silence and wait until it is gone."""
        self._over = True
        self._process.kill()
        self._process.waitForFinished(2000)

    def _read(self) -> None:
        try:
            messages = self._decoder.feed(bytes(self._process.readAllStandardOutput().data()))
            for message in messages:
                self._take(message)
        except ProtocolError as error:
            self.stop(f"sent what is no answer: {error}")

    def _take(self, message: Message) -> None:
        if self._over:
            return
        if self.ready is None:
            self.ready = requests.ready_of(message)
            self.became_ready.emit(self)
        else:
            self.answered.emit(message)

    def _hear(self) -> None:
        """Keep the end of what it complains of; all of it would be as much as a hostile one likes."""
        self._last_words = (self._last_words + bytes(self._process.readAllStandardError().data()))[-2000:]

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        crashed = status == QProcess.ExitStatus.CrashExit
        why = f"died of signal {code}" if crashed else f"ended with exit code {code}"
        self._hear()
        lines = self._last_words.decode(errors="replace").strip().splitlines()
        said = f" ({clean(lines[-1], limit=160)})" if lines and not crashed else ""
        self.stop(why + said)

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.stop(f"could not be started ({clean(self._process.errorString())})")


class Workers(QObject):
    """Takes questions, gives answers; the only thing that panels see of the worker process."""

    answered = Signal(object)  # Answer
    notice = Signal(str)  # one sentence on what happened to a worker
    worker_ready = Signal(object)  # Ready, of the worker that answers now
    idle = Signal()

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        open_seconds: float = requests.OPEN_SECONDS,
        run_seconds: float = requests.RUN_SECONDS,
        keep_spare: bool = True,
    ) -> None:
        super().__init__(parent)
        self._seconds = dict.fromkeys(get_args(requests.Kind), open_seconds) | {"run": run_seconds}
        self._keep_spare = keep_spare
        self._mailboxes: OrderedDict[str, Request] = OrderedDict()
        self._asked: Request | None = None  # with the worker now
        self._kind: requests.Kind = "graph"  # what it was asked of it first: a run may need an opening before
        self._number = 0
        self._kills: Counter[str] = Counter()
        self._failed_starts = 0
        self._given_up = ""
        self._closing = False
        self._clock = QElapsedTimer()
        self._deadline = QTimer(self, singleShot=True)
        self._deadline.timeout.connect(self._too_late)
        self._debounce = QTimer(self, singleShot=True)  # while it runs, patient questions wait
        self._debounce.timeout.connect(self._next)
        self._spare: WorkerProcess | None = None
        self._active: WorkerProcess | None = self._new_process()

    # ---- asking ----

    def send(self, request: Request) -> None:
        """Put a question into its asker's mailbox, in the place of an older one."""
        if self._kills[request.file.sha256] >= KILLS_PER_FILE:
            self._answer_later(Reply(request, error=_refusal(request.file.label)))
        elif self._given_up:
            self._answer_later(Reply(request, error=self._given_up))
        else:
            self._mailboxes[request.requester] = request
            if request.low_priority and not self._debounce.isActive():
                self._debounce.start(0)  # whoever is in a hurry may be told of the same change after this asker
            self._next()

    def withdraw(self, requests: Collection[Request]) -> bool:
        """Take questions back, if all of them still wait; return whether they did."""
        if not all(self._mailboxes.get(request.requester) is request for request in requests):
            return False
        for request in requests:
            del self._mailboxes[request.requester]
        return True

    def forgive(self) -> None:
        """Forget which files ended workers: they are opened once more."""
        self._kills.clear()

    @property
    def busy(self) -> bool:
        return bool(self._mailboxes) or self._asked is not None

    @property
    def process_id(self) -> int:
        """Of the worker that answers now, 0 while there is none."""
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
        QTimer.singleShot(0, self, lambda: self.answered.emit(reply))

    def _next(self) -> None:
        """Send the oldest of the most pressing questions if the worker is free."""
        if self._asked is not None or self._active is None or self._active.ready is None:
            return
        if not self._mailboxes:
            self._prepare_spare()
            self.idle.emit()
            return
        request = min(self._mailboxes.values(), key=_rank)  # of those that are alike the first
        if request.low_priority and self._debounce.isActive():
            return
        self._asked = self._mailboxes.pop(request.requester)
        self._transmit(request)

    def _transmit(self, request: Request) -> None:
        assert self._active is not None
        self._number += 1
        if request.kind == "run" and (request.file.sha256, request.opening) in self._active.opened:
            self._kind = "run"
            data = requests.running(self._number, request)
        else:
            self._kind = request.opening
            data = requests.opening(self._number, self._kind, request.file)
        self._clock.start()
        self._deadline.start(round(1000 * self._seconds[self._kind]))
        self._active.send(data)

    # ---- answers ----

    def _take(self, process: WorkerProcess, message: Message) -> None:
        request = self._asked
        if process is not self._active or request is None:
            return process.stop("spoke without being asked")
        if message.header.get("number") != self._number:
            return process.stop("answered another question")
        self._deadline.stop()
        if message.header.get("kind") == "missing" and self._kind == "run":
            process.opened.discard((request.file.sha256, request.opening))
            return self._transmit(request)
        if message.header.get("kind") == "refused":
            sentence = clean(message.header.get("sentence", "the worker refused it"), limit=500)
            return self._finish(Reply(request, milliseconds=self._elapsed(), error=sentence))
        if self._kind in ("graph", "layers"):
            process.opened.add((request.file.sha256, self._kind))
            if request.kind == "run":
                return self._transmit(request)
        try:
            requests.check(request, message)
        except ProtocolError as error:
            return process.stop(f"sent what is no answer: {error}")
        return self._finish(Reply(request, message.header, message.arrays, self._elapsed()))

    def _elapsed(self) -> float:
        return self._clock.nsecsElapsed() / 1e6

    def _finish(self, reply: Reply) -> None:
        self._asked = None
        if not reply.error:
            self._kills.pop(reply.request.file.sha256, None)
        if reply.request.kind == "run" and not reply.request.low_priority:
            self._debounce.start(DEBOUNCE_MILLISECONDS)
        self.answered.emit(reply)
        self._next()

    # ---- processes ----

    def _new_process(self) -> WorkerProcess:
        process = WorkerProcess(command(), self)
        process.became_ready.connect(self._ready)
        process.answered.connect(lambda message: self._take(process, message))
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
            self._active.stop(f"gave no answer within {self._seconds[self._kind]:g} s")

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
        """Put the spare in the place of a worker that ended, and decide on the question it had."""
        request, self._asked = self._asked, None
        self._active, self._spare = self._spare, None
        if self._failed_starts >= STARTS_IN_A_ROW:
            return self._give_up(why)
        if self._active is None:
            self._active = self._new_process()
        if request is not None:
            self._blame(request, why)
        elif why:
            self.notice.emit(f"The worker process {why} and was replaced.")
        if self._active.ready is not None:
            self.worker_ready.emit(self._active.ready)
        return self._next()

    def _blame(self, request: Request, why: str) -> None:
        label, sha256 = request.file.label, request.file.sha256
        self._kills[sha256] += 1
        if self._kills[sha256] < KILLS_PER_FILE:
            self.notice.emit(f"The worker process {why} over {label} and was replaced; it is asked once more.")
            self._mailboxes.setdefault(request.requester, request)
            return
        refused = [entry for entry in self._mailboxes.values() if entry.file.sha256 == sha256]
        for entry in (request, *refused):
            self._mailboxes.pop(entry.requester, None)
            self._answer_later(Reply(entry, error=_refusal(label, why)))

    def _give_up(self, why: str) -> None:
        self._given_up = f"no worker process can be started: it {why}"
        self.notice.emit(f"Files cannot be opened, for {self._given_up}.")
        waiting = list(self._mailboxes.values())
        self._mailboxes.clear()
        for request in waiting:
            self._answer_later(Reply(request, error=self._given_up))


def _rank(request: Request) -> int:
    """What a picture waits for goes first, then what can wait a little, then histories."""
    return 2 if request.kind == "history" else int(request.low_priority)


def _refusal(label: str, why: str = "") -> str:
    last = f" (the last {why})" if why else ""
    return f"{label} ended {KILLS_PER_FILE} worker processes{last} and is not opened again; F5 tries once more"


def command() -> list[str]:
    """The worker's command line."""
    return python_command("viewer.infer.worker")


def python_command(module: str) -> list[str]:
    """The command line that runs a module's `main`, isolated from the user's environment and the current folder."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from {module} import main; main()"
    return [sys.executable, "-I", "-c", start]


def _environment() -> QProcessEnvironment:
    system, kept = QProcessEnvironment.systemEnvironment(), QProcessEnvironment()
    for name in _KEPT_VARIABLES:
        if system.contains(name):
            kept.insert(name, system.value(name))
    for name in _ONE_THREAD:
        kept.insert(name, "1")
    return kept
