"""Keeps the store up to date with the disk: scans folders, reads files, and lets a worker open them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, QTimer, Signal

from viewer.infer.messages import Completed, ImageTask, Reply, Request
from viewer.qt.disk import Job
from viewer.qt.steps import Elsewhere, Steps
from viewer.qt.store import AppState
from viewer.state import files, formatting, graph, history, library
from viewer.state.files import FileBytes
from viewer.state.formatting import clean, sentence
from viewer.state.library import Entry, Stamp
from viewer.state.samples import Samples
from viewer.state.selection import GraphName, State
from zoo import card, gate
from zoo.errors import FileRefused
from zoo.gate import GraphFacts

POLL_MILLISECONDS = 1000  # a watcher of files loses those that are replaced, and sees no changes of a network drive
SCAN = "scan"

What = Literal["card", "history", "graph", "decoder"]


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

    def __init__(self, store: AppState, elsewhere: Elsewhere, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._elsewhere = store, elsewhere
        self._stamps_read: dict[tuple[str, Path], Stamp | None] = {}
        self._reported: set[str] = set()
        self._waiting_for_samples: dict[str, list[Entry]] = {}
        store.changed.connect(self._state_changed)
        self._poll = QTimer(self, interval=POLL_MILLISECONDS)
        self._poll.timeout.connect(self.rescan)
        self._poll.start()

    @property
    def busy(self) -> bool:
        """True while anything is still being read or computed."""
        return not self._store.state.scanned or self._elsewhere.busy or self._store.emit_pending

    def open(self, paths: tuple[Path, ...]) -> None:
        """Show these folders and files besides those that are open."""
        self._reported.clear()
        self._elsewhere.workers.retry_killed_files()
        self._store.open(paths)
        self.rescan()

    def rescan(self) -> None:
        """Scan the disk again."""
        self._elsewhere.run(self._scan(self._store.state.roots))

    def try_again(self) -> None:
        """Scan the disk again, and read once more the files that could not be read."""
        self._elsewhere.workers.retry_killed_files()
        state = self._store.state
        for what, path in [key for key in self._stamps_read if state.known_of(key[1]).error]:
            del self._stamps_read[what, path]
        self._read_new(state)
        self.rescan()

    def close(self) -> None:
        self._poll.stop()

    # ---- scanning ----

    def _scan(self, roots: tuple[Path, ...]) -> Steps[None]:
        done = yield SCAN, partial(library.scan_and_list_gone, roots)
        if roots != self._store.state.roots:
            return
        entries, gone = done.result or ((), ())
        if entries:  # without entries the panel of runs says so
            for root in set(gone).difference(self._store.state.gone):
                self.notice.emit(f"{clean(root, limit=120)} is gone.")
        self._store.set_entries(entries, gone)
        if done.error:
            self.notice.emit(sentence(done.error))

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
            for what, wanted, stamp, steps in (
                ("card", entry.card_stamp, entry.card_stamp, self._card),
                ("history", entry.history_stamp, entry.history_stamp, self._history),
                ("graph", compared or not entry.is_run, entry.graph_stamp, self._graph),
                ("decoder", compared and entry.is_run, entry.decoder_stamp, self._decoder),
            ):
                if wanted and self._record_if_new(what, entry.path, stamp):
                    self._elsewhere.run(steps(entry))

    def _record_if_new(self, what: str, path: Path, stamp: Stamp | None) -> bool:
        """Remember the stamp of a file; return whether it is another than before."""
        known = self._stamps_read.get((what, path), False)
        self._stamps_read[what, path] = stamp
        return known != stamp

    def _keep(self, entry: Entry, what: What, loaded: LoadedFile, **more: object) -> None:
        """Put what was loaded into the store, and report why something could not be."""
        fields: dict[str, object] = {what: loaded.value, f"{what}_error": loaded.error, **more}
        if what in ("graph", "decoder"):
            fields[f"{what}_sha256"] = loaded.sha256
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

    # ---- files, each read and opened in steps ----

    def _card(self, entry: Entry) -> Steps[None]:
        done = yield f"card {entry.path}", partial(_read_card, entry)
        read, listed, sizes = done.result or (None, {}, {})
        self._keep(entry, "card", LoadedFile(read, error=done.error), listed=listed, sizes=sizes)

    def _history(self, entry: Entry) -> Steps[None]:
        done = yield f"history {entry.path}", _reading(entry.history, gate.MAX_HDF5_BYTES)
        if done.error:
            self._keep(entry, "history", LoadedFile(error=done.error))
            return
        reply = yield Request(f"history {entry.path}", "history", done.result)
        meta = reply.facts.get("meta")
        if reply.error or not isinstance(meta, Mapping):
            loaded = LoadedFile(error=reply.error or f"{reply.request.file.label} has no description")
        else:
            loaded = LoadedFile(history.from_parts(meta, reply.arrays))
        self._keep(entry, "history", loaded)

    def _graph(self, entry: Entry) -> Steps[None]:
        loaded = (yield from self._open(entry, "model", entry.graph)) if entry.graph_stamp else LoadedFile()
        if loaded is not None:
            self._keep_graph(entry, loaded)
            if loaded.value is not None and entry.history_stamp is None:
                self._elsewhere.run(self._samples(entry, loaded.value))
        opened, file = self._store.state.known_of(entry.path).graph, self._store.state.file_of(entry.path)
        cut = entry.is_run and entry.decoder_stamp is None and opened is not None and opened.has_decoder
        if cut and file is not None:
            yield from self._cut_decoder(entry, file)

    def _decoder(self, entry: Entry) -> Steps[None]:
        loaded = (yield from self._open(entry, "decoder", entry.decoder)) if entry.decoder_stamp else LoadedFile()
        if loaded is not None:
            self._keep(entry, "decoder", loaded)

    def _open(self, entry: Entry, name: GraphName, path: Path) -> Steps[LoadedFile | None]:
        """Read a graph and let the worker open it; None for one that was opened before and is unchanged."""
        done = yield f"{name} {entry.path}", _reading(path, gate.MAX_ONNX_BYTES)
        if done.error:
            return LoadedFile(error=done.error)
        state = self._store.state
        known = state.known_of(entry.path)
        opened, sha256 = (known.graph, known.graph_sha256) if name == "model" else (known.decoder, known.decoder_sha256)
        file = replace(done.result, choice=state.choice_of(entry.path)) if name == "model" else done.result
        if self._hold(entry, name, file) and opened is not None and file.sha256 == sha256:
            return None
        return _loaded((yield Request(f"{name} {entry.path}", "graph", file)))

    def _cut_decoder(self, entry: Entry, model: FileBytes) -> Steps[None]:
        """Let the worker cut the decoder out of a run's model graph, where it does not lie beside it."""
        reply = yield Request(f"decoder {entry.path}", "decoder", model)
        if not reply.error:
            data = reply.arrays["file"].tobytes()
            file = FileBytes(entry.decoder, _label(entry.decoder), hashlib.sha256(data).hexdigest(), data)
            self._hold(entry, "decoder", file)
            reply = replace(reply, request=replace(reply.request, file=file))
        self._keep(entry, "decoder", _loaded(reply))

    def _hold(self, entry: Entry, name: GraphName, file: FileBytes) -> bool:
        """Hold the bytes of a compared entry's graph; return whether they are held."""
        compared = entry.path in self._store.state.compared
        if compared:
            self._store.set_file(entry.path, name, file)
        return compared

    def _keep_graph(self, entry: Entry, loaded: LoadedFile) -> None:
        card_error = f"{_label(entry.graph)}: {loaded.value.error}" if loaded.value and loaded.value.error else ""
        self._keep(entry, "graph", loaded, graph_card_error=card_error, refused=loaded.refused)
        if card_error:
            self.notice.emit(sentence(card_error))

    # ---- images for a lone graph ----

    def _samples(self, entry: Entry, opened: graph.GraphInfo) -> Steps[None]:
        if opened.image_shape is None:
            error = f"{_label(entry.graph)} takes no images: its input is not one batch of grey or colour images"
            self._store.update_known(entry.path, samples=None, samples_error=error)
            return
        dataset, task = (str(opened.card.data.get("name", "")), opened.card.task) if opened.card else ("", "")
        facts = {"shape": opened.image_shape, "dataset": dataset, "sigma": opened.noise, "task": task}
        waiting = self._waiting_for_samples.setdefault(str(facts), [])
        waiting.append(entry)
        if len(waiting) == 1:  # sixty graphs that take the same images need them only once
            reply = yield ImageTask("samples", facts)
            for each in self._waiting_for_samples.pop(str(facts)):
                self._keep_samples(each, opened.image_shape, reply)

    def _keep_samples(self, entry: Entry, shape: tuple[int, ...], reply: Completed | str) -> None:
        sizes = formatting.shape(shape)
        made, error = None, f"no embedded images have the shape {sizes} that {_label(entry.graph)} takes"
        if isinstance(reply, str):
            error = reply
        elif reply.arrays:
            provenance = clean(reply.facts.get("provenance", ""))
            made, error = Samples(reply.arrays["inputs"], reply.arrays["targets"], provenance=provenance), ""
        self._store.update_known(entry.path, samples=made, samples_error=error)


def _reading(path: Path, limit: int) -> Job:
    return partial(files.read, path, limit=limit, label=_label(path))


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


def _loaded(reply: Reply) -> LoadedFile:
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
