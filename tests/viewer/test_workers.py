"""A worker that dies, hangs or lies is replaced with a notice, and the rest goes on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import TIMEOUT, Open, bars_split, graph_bytes, settle_window, write_run
from viewer.infer.messages import Reply, Request
from viewer.qt import child_process, worker
from viewer.qt.panels.images import ImagePanel
from viewer.qt.requester import Query, QueryBatch, Requester
from viewer.qt.worker import Workers
from viewer.state import files
from viewer.state.files import FileBytes
from zoo.runs import RunFolder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

LIAR = """
import sys
sys.path.insert(0, {root!r})
from viewer.infer import messages
from zoo import protocol
from viewer.infer.messages import Completed, OpenFile, Ready, RunGraph
import numpy as np
out = sys.stdout.buffer
out.write(messages.encode(Ready("CPU", "none", "")))
out.flush()
while (frame := protocol.read(sys.stdin.buffer)) is not None:
    request = messages.decode(frame, OpenFile, RunGraph)
    {lie}
    out.flush()
"""
FITTING = '{"reconstruction": np.zeros((2, 1, 28, 28), np.float32)}'  # what is requested below


@pytest.fixture
def file(tmp_path: Path) -> FileBytes:
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph_bytes())
    return files.read(path, limit=1 << 20, label="graph.onnx")


@pytest.fixture
def workers_of_windows() -> type[Workers]:
    """Each window has a worker of its own here, for most are ended."""
    return Workers


Make = Callable[..., Workers]


@pytest.fixture
def make_workers(qapp: QApplication) -> Iterator[Make]:
    made: list[Workers] = []

    def make(**options: float) -> Workers:
        made.append(Workers(**{"keep_spare": False, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for workers in made:
        workers.close()
        workers.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def send_and_wait(qtbot: QtBot, workers: Workers, file: FileBytes) -> Reply:
    request = Request("test", "run", file, np.zeros((2, 1, 28, 28), np.float32), ("reconstruction",))
    with qtbot.waitSignal(workers.answered, timeout=TIMEOUT) as answered:
        workers.send(request)
    reply = answered.args[0]
    assert isinstance(reply, Reply) and reply.request is request
    return reply


def test_a_worker_that_is_killed_is_reported_and_replaced(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    before = window.workers.process_id
    with qtbot.waitSignal(window.workers.notice, timeout=TIMEOUT) as notice:
        os.kill(before, signal.SIGKILL)
    assert notice.args == ["The worker process died of signal 9 and was replaced."]
    window.panels.noise.slider.setValue(77)
    settle_window(qtbot, window)
    assert window.workers.process_id not in (0, before)
    assert window.panels.noise.psnr_label.text() and window.panels.noise.view.figure is not None


def test_a_worker_that_hangs_is_killed_and_its_request_sent_once_more(
    run: RunFolder, open_window: Open, qtbot: QtBot
) -> None:
    window = open_window(run.path, run_seconds=0.3)
    os.kill(window.workers.process_id, signal.SIGSTOP)
    with qtbot.waitSignal(window.workers.notice, timeout=TIMEOUT) as notice:
        window.panels.noise.slider.setValue(77)
    assert "did not reply within 0.3 s over tests/conv/model.onnx and was replaced" in notice.args[0]
    settle_window(qtbot, window)
    assert window.panels.noise.view.figure is not None and window.panels.noise.view.sentence == ""


def test_a_spare_worker_takes_over_at_once(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path, keep_spare=True)
    qtbot.waitUntil(lambda: bool(window.workers._spare and window.workers._spare.ready), timeout=TIMEOUT)
    assert window.workers._spare is not None
    spare = window.workers._spare.process_id
    with qtbot.waitSignal(window.workers.notice, timeout=TIMEOUT):
        os.kill(window.workers.process_id, signal.SIGKILL)
    assert window.workers.process_id == spare


def test_a_file_that_ends_two_workers_is_refused_and_others_go_on(
    make_workers: Make, qtbot: QtBot, file: FileBytes, tmp_path: Path
) -> None:
    workers = make_workers(open_seconds=0.3)
    notices: list[str] = []
    workers.notice.connect(notices.append)
    workers.worker_ready.connect(lambda _: os.kill(workers.process_id, signal.SIGSTOP))
    reply = send_and_wait(qtbot, workers, file)
    assert "graph.onnx ended 2 worker processes (the last did not reply within 0.3 s)" in reply.error
    assert len(notices) == 1 and "tried once more" in notices[0]
    assert "is not opened again" in send_and_wait(qtbot, workers, file).error
    workers.worker_ready.disconnect()
    other = write_run(tmp_path, "tests/other").graph("model")
    reply = send_and_wait(qtbot, workers, files.read(other, limit=1 << 20, label="other.onnx"))
    assert reply.error == "" and reply.arrays["reconstruction"].shape == (2, 1, 28, 28)


def test_a_good_reply_resets_the_kill_count_of_its_file(make_workers: Make, qtbot: QtBot, file: FileBytes) -> None:
    workers = make_workers(open_seconds=TIMEOUT / 1000, run_seconds=0.3)
    for _ in range(3):
        assert send_and_wait(qtbot, workers, file).error == ""
        os.kill(workers.process_id, signal.SIGSTOP)
    assert send_and_wait(qtbot, workers, file).error == ""


def test_a_file_that_was_refused_is_opened_once_more_on_demand(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path, settle=False, beside=False, open_seconds=TIMEOUT / 1000)
    sha256 = files.read(run.graph("model"), limit=1 << 20, label="").sha256
    window.workers._kills[sha256] = worker.KILLS_PER_FILE
    settle_window(qtbot, window)
    assert "press F5 to try once more" in window.panels.reconstructions.view.sentence
    assert len([sentence for sentence in window.notices.sentences if "not opened again" in sentence]) == 1
    window.run_loader.try_again()
    settle_window(qtbot, window)
    assert window.panels.reconstructions.view.figure is not None and window.store.state.current_known.error == ""


@pytest.mark.parametrize(
    "lie",
    [
        "out.write(b'x' * 5000)",
        "out.write(messages.encode(Completed(99, {})))",
        "out.write(messages.encode(Completed(request.number, {}, arrays={'y': np.zeros(3)})))",
        "out.write(b'aez1' + bytes([255]) * 12)",
        "out.write(messages.encode(Ready('CPU', 'none', '')))",
        "out.writelines(protocol.parts({'message': 'Completed', 'number': request.number}, {}))",
    ],
    ids=["noise", "another number", "another array", "too much", "another message", "fields missing"],
)
def test_a_worker_that_sends_nonsense_is_not_believed(
    make_workers: Make, qtbot: QtBot, file: FileBytes, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    script = LIAR.format(root=str(child_process.ROOT), lie=lie)
    monkeypatch.setattr(worker, "command", lambda: [sys.executable, "-I", "-c", script])
    reply = send_and_wait(qtbot, make_workers(), file)
    assert "ended 2 worker processes" in reply.error and not reply.arrays


@pytest.mark.parametrize(("added", "believed"), [(0, True), (1, False), (-1, False)])
def test_a_reply_whose_arrays_fit_is_believed_only_with_the_number_of_its_request(
    make_workers: Make, qtbot: QtBot, file: FileBytes, monkeypatch: pytest.MonkeyPatch, added: int, believed: bool
) -> None:
    """The worker opens the graph truthfully, and lies about which request it answers when it has run it."""
    number = f"request.number + {added} * isinstance(request, RunGraph)"
    arrays = f"{FITTING} if isinstance(request, RunGraph) else {{}}"
    script = LIAR.format(
        root=str(child_process.ROOT), lie=f"out.write(messages.encode(Completed({number}, {{}}, arrays={arrays})))"
    )
    monkeypatch.setattr(worker, "command", lambda: [sys.executable, "-I", "-c", script])
    reply = send_and_wait(qtbot, make_workers(), file)
    assert (reply.error == "", bool(reply.arrays)) == (believed, believed), reply.error
    assert believed or "replied to another request" in reply.error


def test_a_worker_that_cannot_start_is_reported_with_its_reason(
    make_workers: Make, qtbot: QtBot, file: FileBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "raise ImportError('no module named onnxruntime')"
    monkeypatch.setattr(worker, "command", lambda: [sys.executable, "-I", "-c", script])
    reply = send_and_wait(qtbot, make_workers(), file)
    assert "no worker process can be started" in reply.error and "no module named onnxruntime" in reply.error


def test_a_graph_dropped_from_the_workers_cache_is_opened_again(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers()
    assert send_and_wait(qtbot, workers, file).error == ""
    for index in range(16):
        other = FileBytes(file.path, f"{index}.onnx", f"{index:064}", file.data)
        assert send_and_wait(qtbot, workers, other).error == ""
    assert send_and_wait(qtbot, workers, file).error == ""


def test_what_a_picture_waits_for_goes_before_the_histories_of_other_runs(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers()
    histories = [Request(f"history {n}", "history", FileBytes(file.path, "h", f"{n:064}", b"")) for n in range(3)]
    run = Request("panel", "run", file, np.zeros((2, 1, 28, 28), np.float32), ("reconstruction",))
    answered: list[Request] = []
    workers.answered.connect(lambda reply: answered.append(reply.request))
    for request in (*histories, run):  # nothing is sent yet: the worker is still starting
        workers.send(request)
    qtbot.waitUntil(lambda: len(answered) == 4, timeout=TIMEOUT)
    assert answered == [run, *histories]


# ---- priorities --------------------------------------------------------------------------------------------------


def request(file: FileBytes, requester: str, *, value: float = 0.0, low_priority: bool = False) -> Request:
    images = np.full((2, 1, 28, 28), value, np.float32)
    return Request(requester, "run", file, images, ("reconstruction",), low_priority=low_priority)


def answered_requesters(workers: Workers) -> list[str]:
    """The names of the requesters that got replies, in order."""
    names: list[str] = []
    workers.answered.connect(lambda reply: names.append(reply.request.requester))
    return names


def test_urgent_requests_go_before_low_priority_and_those_before_histories(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers()
    names = answered_requesters(workers)
    workers.send(Request("history", "history", FileBytes(file.path, "h", "f" * 64, b"")))
    workers.send(request(file, "low", low_priority=True))
    workers.send(request(file, "urgent"))  # nothing is sent yet: the worker is still starting
    qtbot.waitUntil(lambda: len(names) == 3, timeout=TIMEOUT)
    assert names == ["urgent", "low", "history"]


def test_low_priority_waits_while_others_follow_one_another(
    make_workers: Make, qtbot: QtBot, file: FileBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "DEBOUNCE_MILLISECONDS", 100)
    workers = make_workers()
    names, left = answered_requesters(workers), [1.0, 2.0, 3.0]

    def go_on() -> None:
        if left:
            workers.send(request(file, "urgent", value=left.pop()))

    workers.answered.connect(lambda _: QTimer.singleShot(10, go_on))
    workers.send(request(file, "low", low_priority=True))
    workers.send(request(file, "urgent"))
    qtbot.waitUntil(lambda: "low" in names, timeout=TIMEOUT)
    assert names == ["urgent"] * 4 + ["low"]


def test_low_priority_that_nobody_overtakes_does_not_wait(
    make_workers: Make, qtbot: QtBot, file: FileBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "DEBOUNCE_MILLISECONDS", 10 * TIMEOUT)
    workers = make_workers()
    names = answered_requesters(workers)
    for name in ("a", "b"):
        workers.send(request(file, name, low_priority=True))
    qtbot.waitUntil(lambda: names == ["a", "b"], timeout=TIMEOUT)
    assert not workers.busy


def test_a_request_of_low_priority_outlives_the_worker_that_had_it(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers(open_seconds=TIMEOUT / 1000, run_seconds=0.3)
    assert send_and_wait(qtbot, workers, file).error == ""
    replies: list[Reply] = []
    workers.answered.connect(replies.append)
    os.kill(workers.process_id, signal.SIGSTOP)
    with qtbot.waitSignal(workers.notice, timeout=TIMEOUT) as notice:
        workers.send(request(file, "low", low_priority=True))
    assert "tried once more" in notice.args[0]
    qtbot.waitUntil(lambda: bool(replies), timeout=TIMEOUT)
    assert (replies[0].error, len(replies)) == ("", 1)


def test_requests_are_taken_back_all_or_none_and_only_while_they_wait(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers()
    names = answered_requesters(workers)
    kept, first, second = (request(file, name) for name in ("kept", "first", "second"))
    for one in (kept, first, second):  # nothing is sent yet: the worker is still starting
        workers.send(one)
    workers.send(newer := request(file, "second", value=1.0))
    assert not workers.withdraw([first, second]), "one of them was replaced"
    assert workers.withdraw([first, newer])
    qtbot.waitUntil(lambda: names == ["kept"], timeout=TIMEOUT)
    assert not workers.busy and not workers.withdraw([kept])


def test_a_batch_that_waits_is_replaced_by_a_newer_one_and_never_answered(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers()
    names = answered_requesters(workers)
    requester, batches = Requester("panel", workers, workers), list[QueryBatch]()
    requester.answered.connect(batches.append)
    queries: dict[Hashable, Query] = {
        key: Query(file, np.full((2, 1, 28, 28), key, np.float32), ("reconstruction",)) for key in range(3)
    }
    requester.send(queries, "old", low_priority=True)
    requester.send({0: queries[0]}, "new", low_priority=True)
    qtbot.waitUntil(lambda: bool(batches), timeout=TIMEOUT)
    assert [done.context for done in batches] == ["new"] and names == ["panel"]
    assert not requester.waiting and not workers.busy


def test_a_batch_that_was_sent_in_part_is_answered_before_the_next(
    make_workers: Make, qtbot: QtBot, file: FileBytes
) -> None:
    workers = make_workers()
    assert send_and_wait(qtbot, workers, file).error == ""
    requester, batches = Requester("panel", workers, workers), list[QueryBatch]()
    requester.answered.connect(batches.append)
    queries: dict[Hashable, Query] = {
        key: Query(file, np.full((2, 1, 28, 28), key, np.float32), ("reconstruction",)) for key in range(3)
    }
    requester.send(queries, "first")
    for context in ("skipped", "last"):
        requester.send({0: queries[0]}, context)
    qtbot.waitUntil(lambda: len(batches) == 2, timeout=TIMEOUT)
    assert [done.context for done in batches] == ["first", "last"] and len(batches[0].replies) == 3


def test_a_turned_page_comes_in_the_reconstructions_first(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    window.store.set_split(bars_split())
    settle_window(qtbot, window)
    names = answered_requesters(window.workers)
    for _ in range(3):
        window.images.turn(1)
    settle_window(qtbot, window)
    assert names[0] == "Reconstructions" and {"Noise", "Bottleneck"} <= set(names[1:])
    assert names.count("Noise") == names.count("Bottleneck") == 1, "nobody waits for the pages in between"
    assert window.store.state.start == 30


def test_what_is_done_in_a_panel_does_not_wait(run: RunFolder, open_window: Open, qtbot: QtBot) -> None:
    window = open_window(run.path)
    noise, sent = window.panels.noise, list[Request]()
    window.workers.answered.connect(lambda reply: sent.append(reply.request))
    noise.slider.setValue(77)
    settle_window(qtbot, window)
    assert [(one.requester, one.low_priority) for one in sent] == [("Noise", False)]
    noise.slider.setFocus()
    pictures = {panel.name: panel for panel in window.panels.make_all() if isinstance(panel, ImagePanel)}
    assert {name for name, panel in pictures.items() if not panel.low_priority} == {"noise", "reconstructions"}


def test_a_large_file_reaches_the_worker_in_pieces_and_whole(
    make_workers: Make, qtbot: QtBot, file: FileBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "PIECE_BYTES", 100)
    reply = send_and_wait(qtbot, make_workers(), file)
    assert len(file.data) > 1000 and reply.error == ""
    assert reply.arrays["reconstruction"].shape == (2, 1, 28, 28)


def test_closing_leaves_no_process_behind(run: RunFolder, open_window: Open) -> None:
    window = open_window(run.path)
    process_id = window.workers.process_id
    window.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)
