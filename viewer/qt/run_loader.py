"""Keeps the store up to date with the disk: scans folders, reads files, and lets a worker open them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from viewer.infer.messages import Completed, ImageTask, Reply, Request
from viewer.qt.disk import Disk, JobResult
from viewer.qt.image_processes import ImageProcesses
from viewer.qt.store import AppState
from viewer.qt.worker import Workers
from viewer.state import files, graph, history, library
from viewer.state.files import FileBytes
from viewer.state.formatting import clean, sentence
from viewer.state.library import Entry, Stamp
from viewer.state.samples import Samples
from viewer.state.selection import State
from zoo import card, gate
from zoo.errors import FileRefused
from zoo.gate import GraphFacts

POLL_MILLISECONDS = 2000
DEBOUNCE_MILLISECONDS = 150
SCAN = "scan"

What = Literal["card", "history", "graph", "decoder"]
GraphPart = Literal["graph", "decoder"]
EmbeddedKey = tuple[tuple[int, int, int], str, float, str]  # shape, data set, noise, task


@dataclass(frozen=True)
class LoadedFile:
    """What a file turned out to hold, and the sha256 of a graph's bytes; or why it cannot be shown."""

    value: Any = None
    sha256: str = ""
    error: str = ""
    refused: GraphFacts | None = None  # of a graph that is not run


class RunLoader(QObject):
    """Reads a file again only when its stamp (size and time) changes: histories at once, graphs of selected runs."""

    notice = Signal(str)

    def __init__(
        self, store: AppState, disk: Disk, workers: Workers, images: ImageProcesses, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store, self._disk, self._workers, self._images = store, disk, workers, images
        self._stamps_read: dict[tuple[str, Path], Stamp | None] = {}
        self._pending: dict[Request, Callable[[Reply], None]] = {}
        self._reported: set[str] = set()
        self._waiting_for_samples: dict[EmbeddedKey, list[Callable[[Completed | str], None]]] = {}
        workers.answered.connect(self._take_reply)
        store.changed.connect(self._state_changed)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._something_changed)
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MILLISECONDS)
        self._debounce.timeout.connect(self.rescan)
        self._poll = QTimer(self, interval=POLL_MILLISECONDS)
        self._poll.timeout.connect(self.rescan)
        self._poll.start()

    @property
    def busy(self) -> bool:
        """True while anything is still being read or computed."""
        return (
            not self._store.state.scanned
            or self._disk.busy
            or bool(self._pending)
            or self._images.busy
            or self._store.emit_pending
        )

    def open(self, paths: tuple[Path, ...]) -> None:
        """Show these folders and files besides those that are open."""
        self._reported.clear()
        self._workers.retry_killed_files()
        self._store.open(paths)
        self.rescan()

    def rescan(self) -> None:
        """Scan the disk again."""
        roots = self._store.state.roots
        self._disk.do(SCAN, partial(library.scan_and_list_gone, roots), partial(self._take_scan, roots))

    def try_again(self) -> None:
        """Scan the disk again, and read once more the files that could not be read."""
        self._workers.retry_killed_files()
        state = self._store.state
        for what, path in [key for key in self._stamps_read if state.known_of(key[1]).error]:
            del self._stamps_read[what, path]
        self._read_new(state)
        self.rescan()

    def close(self) -> None:
        self._poll.stop()
        self._debounce.stop()

    def _something_changed(self, _folder: str) -> None:
        self._debounce.start()

    # ---- the worker ----

    def _send(self, request: Request, callback: Callable[[Reply], None]) -> None:
        for older in [entry for entry in self._pending if entry.requester == request.requester]:
            del self._pending[older]
        self._pending[request] = callback
        self._workers.send(request)

    def _take_reply(self, reply: Reply) -> None:
        callback = self._pending.pop(reply.request, None)
        if callback is not None:
            callback(reply)

    # ---- scanning ----

    def _take_scan(self, roots: tuple[Path, ...], job_result: JobResult) -> None:
        if roots != self._store.state.roots:
            return
        entries, gone = job_result.result or ((), ())
        if entries:  # without entries the panel of runs says so
            for root in set(gone).difference(self._store.state.gone):
                self.notice.emit(f"{clean(root, limit=120)} is gone.")
        self._store.set_entries(entries, gone)
        watched = {str(folder) for folder in library.folders_to_watch(roots, self._store.state.entries)}
        new = watched.difference(self._watcher.directories())
        if new:
            self._watcher.addPaths(sorted(new))
        if job_result.error:
            self.notice.emit(sentence(job_result.error))

    def _state_changed(self, before: State, after: State) -> None:
        """Read what is new or has changed, the current entry first."""
        if (
            before.entries is after.entries
            and (before.current, before.selected) == (after.current, after.selected)
            and before.roots == after.roots
            and before.choices is after.choices
        ):
            return
        for path in set(after.compared).difference(before.compared):  # its bytes were dropped when it was deselected
            self._stamps_read.pop(("graph", path), None)
            self._stamps_read.pop(("decoder", path), None)
        for path in after.choices:
            if before.choice_of(path).size != after.choice_of(path).size:
                self._stamps_read.pop(("graph", path), None)
        self._read_new(after)

    def _read_new(self, state: State) -> None:
        paths = state.compared
        for entry in sorted(state.entries, key=lambda entry: entry.path != state.current):
            compared = entry.path in paths
            if entry.card_stamp and self._record_if_new("card", entry.path, entry.card_stamp):
                self._load_card(entry)
            if entry.history_stamp and self._record_if_new("history", entry.path, entry.history_stamp):
                self._load_history(entry)
            if (compared or not entry.is_run) and self._record_if_new("graph", entry.path, entry.graph_stamp):
                self._load_graph(entry, "graph")
            if compared and entry.is_run and self._record_if_new("decoder", entry.path, entry.decoder_stamp):
                self._load_graph(entry, "decoder")

    def _record_if_new(self, what: str, path: Path, stamp: Stamp | None) -> bool:
        """Remember the stamp of a file; return whether it is another than before."""
        known = self._stamps_read.get((what, path), False)
        self._stamps_read[what, path] = stamp
        return known != stamp

    def _read(self, entry: Entry, what: What, path: Path, limit: int, take: Callable[[JobResult], None]) -> None:
        """Read one of an entry's files in the disk's thread."""
        self._disk.do(f"{what} {entry.path}", partial(files.read, path, limit=limit, label=_label(path)), take)

    def _keep(self, entry: Entry, what: What, loaded: LoadedFile, **more: object) -> None:
        """Put what was loaded into the store, and report why something could not be."""
        fields: dict[str, object] = {what: loaded.value, f"{what}_error": loaded.error, **more}
        if what in ("graph", "decoder"):
            fields[f"{what}_sha256"] = loaded.sha256
        if what == "graph":
            fields["refused"] = loaded.refused
        self._store.update_known(entry.path, **fields)
        if loaded.error and what != "decoder":  # the panels that need a decoder say so
            self.notice.emit(sentence(loaded.error))
        if what != "decoder":
            self._notify_recipe_mismatch(entry)

    def _notify_recipe_mismatch(self, entry: Entry) -> None:
        """Report once that the files in a folder are not of the same run."""
        mismatch = self._store.state.known_of(entry.path).mismatch
        notice = sentence(f"{clean(entry.name, limit=100)}: {mismatch}") if mismatch else ""
        if notice and notice not in self._reported:
            self._reported.add(notice)
            self.notice.emit(notice)

    # ---- card ----

    def _load_card(self, entry: Entry) -> None:
        self._disk.do(f"card {entry.path}", partial(_read_card, entry), partial(self._take_card, entry))

    def _take_card(self, entry: Entry, job_result: JobResult) -> None:
        read, listed, sizes = job_result.result or (None, {}, {})
        self._keep(entry, "card", LoadedFile(read, error=job_result.error), listed=listed, sizes=sizes)

    # ---- history ----

    def _load_history(self, entry: Entry) -> None:
        take = partial(self._take_history_file, entry)
        self._read(entry, "history", entry.history, gate.MAX_HDF5_BYTES, take)

    def _take_history_file(self, entry: Entry, job_result: JobResult) -> None:
        if job_result.error:
            self._keep(entry, "history", LoadedFile(error=job_result.error))
            return
        request = Request(requester=f"history {entry.path}", kind="history", file=job_result.result)
        self._send(request, partial(self._take_history, entry))

    def _take_history(self, entry: Entry, reply: Reply) -> None:
        meta = reply.facts.get("meta")
        if reply.error or not isinstance(meta, Mapping):
            error = reply.error or f"{reply.request.file.label} has no description"
            self._keep(entry, "history", LoadedFile(error=error))
            return
        self._keep(entry, "history", LoadedFile(history.from_parts(meta, reply.arrays)))

    # ---- the model's graph, and its decoder ----

    def _load_graph(self, entry: Entry, what: GraphPart) -> None:
        path, stamp = (entry.graph, entry.graph_stamp) if what == "graph" else (entry.decoder, entry.decoder_stamp)
        if stamp is None:
            self._keep_graph(entry, what, LoadedFile())
        else:
            self._read(entry, what, path, gate.MAX_ONNX_BYTES, partial(self._take_graph_file, entry, what))

    def _take_graph_file(self, entry: Entry, what: GraphPart, job_result: JobResult) -> None:
        if job_result.error:
            self._keep_graph(entry, what, LoadedFile(error=job_result.error))
            return
        known = self._store.state.known_of(entry.path)
        file = replace(job_result.result, choice=self._store.state.choice_of(entry.path))
        opened, sha256 = (known.graph, known.graph_sha256) if what == "graph" else (known.decoder, known.decoder_sha256)
        if self._hold(entry, what, file) and opened and file.sha256 == sha256:  # opened before, and unchanged
            if what == "graph":
                self._cut_decoder(entry, opened, file)
            return
        self._send(Request(f"{what} {entry.path}", "graph", file), partial(self._take_graph, entry, what))

    def _hold(self, entry: Entry, what: GraphPart, file: FileBytes) -> bool:
        """Hold the bytes of a compared entry's graph; return whether they are held."""
        compared = entry.path in self._store.state.compared
        if compared:
            self._store.set_file(entry.path, "model" if what == "graph" else what, file)
        return compared

    def _take_graph(self, entry: Entry, what: GraphPart, reply: Reply) -> None:
        loaded = _opened(reply)
        self._keep_graph(entry, what, loaded)
        if what == "graph" and loaded.value is not None:
            self._cut_decoder(entry, loaded.value, reply.request.file)
            if entry.history_stamp is None:
                self._load_samples(entry, loaded.value)

    def _keep_graph(self, entry: Entry, what: GraphPart, loaded: LoadedFile) -> None:
        if what == "decoder":
            self._keep(entry, what, loaded)
            return
        card_error = f"{_label(entry.graph)}: {loaded.value.error}" if loaded.value and loaded.value.error else ""
        self._keep(entry, what, loaded, graph_card_error=card_error)
        if card_error:
            self.notice.emit(sentence(card_error))

    def _cut_decoder(self, entry: Entry, opened: graph.GraphInfo, file: FileBytes) -> None:
        """Let the worker cut the decoder out of a run's model graph, where it does not lie beside it."""
        if entry.is_run and entry.decoder_stamp is None and opened.has_decoder:
            self._send(Request(f"decoder {entry.path}", "decoder", file), partial(self._take_cut_decoder, entry))

    def _take_cut_decoder(self, entry: Entry, reply: Reply) -> None:
        if not reply.error:
            data = reply.arrays["file"].tobytes()
            file = FileBytes(entry.decoder, _label(entry.decoder), hashlib.sha256(data).hexdigest(), data)
            self._hold(entry, "decoder", file)
            reply = replace(reply, request=replace(reply.request, file=file))
        self._take_graph(entry, "decoder", reply)

    # ---- images for a lone graph ----

    def _load_samples(self, entry: Entry, opened: graph.GraphInfo) -> None:
        if opened.image_shape is None:
            error = f"{_label(entry.graph)} takes no images: its input is not one batch of grey or colour images"
            self._keep_samples(entry, LoadedFile(error=error))
            return
        dataset = str(opened.card.data.get("name", "")) if opened.card else ""
        task = opened.card.task if opened.card else ""
        key = (opened.image_shape, dataset, opened.noise, task)
        waiting = self._waiting_for_samples.setdefault(key, [])
        waiting.append(partial(self._take_samples, entry, opened))
        if len(waiting) == 1:  # sixty graphs that take the same images need them only once
            facts = dict(zip(("shape", "dataset", "sigma", "task"), key, strict=True))
            self._images.send(ImageTask("samples", facts), partial(self._take_embedded, key))

    def _take_embedded(self, key: EmbeddedKey, reply: Completed | str) -> None:
        for callback in self._waiting_for_samples.pop(key, []):
            callback(reply)

    def _take_samples(self, entry: Entry, opened: graph.GraphInfo, reply: Completed | str) -> None:
        if isinstance(reply, str):
            self._keep_samples(entry, LoadedFile(error=reply))
            return
        shape = "×".join(map(str, opened.image_shape or ()))
        absent = f"no embedded images have the shape {shape} that {_label(entry.graph)} takes"
        arrays = reply.arrays
        provenance = clean(reply.facts.get("provenance", ""))
        made = Samples(arrays["inputs"], arrays["targets"], provenance=provenance) if arrays else None
        self._keep_samples(entry, LoadedFile(made, error="" if made else absent))

    def _keep_samples(self, entry: Entry, loaded: LoadedFile) -> None:
        self._store.update_known(entry.path, samples=loaded.value, samples_error=loaded.error)


def _read_card(entry: Entry) -> tuple[card.Card, dict[str, str], dict[str, int]]:
    """Return an entry's card, and the sha256 and the size in bytes of each file that it lists. Raises FileRefused.

    It runs in the disk's thread: a card takes a millisecond, and sixty may come in one turn of the event loop.
    """
    label = _label(entry.card)
    file = files.read(entry.card, limit=card.MAX_TEXT, label=label)
    try:
        text = file.data.decode()
        read, listed = card.from_json(text), card.files_of(text)
    except UnicodeDecodeError as error:
        raise FileRefused(f"{label} is not UTF-8 text; export the run again") from error
    except (FileRefused, OverflowError) as error:  # a size of infinity is no whole number
        raise FileRefused(f"{label}: {clean(error)}") from error
    shas = {name: sha256 for name, (sha256, _) in listed.items()}
    return read, shas, {name: size for name, (_, size) in listed.items()}


def _opened(reply: Reply) -> LoadedFile:
    """Return the graph that the worker opened."""
    try:
        if reply.error:
            return LoadedFile(error=reply.error, refused=graph.facts_from_header(reply.facts) if reply.facts else None)
        return LoadedFile(graph.from_header(reply.facts), reply.request.file.sha256)
    except ValueError as error:
        return LoadedFile(error=f"the worker's reply on {reply.request.file.label} cannot be used ({error})")


def _label(path: Path) -> str:
    """Return what a file is called in sentences: its recipe and its name."""
    return clean(Path(*path.parts[-3:]), limit=120)
