"""What the image panels say where a run has nothing to show: one decision for all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import CARD, Open, bars_split, graph_bytes, settle_window, write_run
from viewer.qt.panels.request_panel import RequestPanel
from viewer.state import noise_lab, why
from viewer.state.files import FileBytes
from viewer.state.graph import GraphInfo
from viewer.state.library import Entry
from viewer.state.samples import Samples
from viewer.state.selection import Known, State
from viewer.state.why import UNFIT_IMAGES
from zoo.gate import GraphFacts, Port
from zoo.runs import atomic_write


@pytest.mark.parametrize("name", ["reconstructions", "noise", "bottleneck", "layers"])
def test_every_panel_says_that_the_images_shown_do_not_fit(
    tmp_path: Path, open_window: Open, qtbot: QtBot, name: str
) -> None:
    run = write_run(tmp_path)
    atomic_write(run.graph("model"), graph_bytes(replace(CARD, task="recall")))  # no other images have a letter
    window = open_window(tmp_path)
    window.store.set_split(bars_split())
    panel = window.panels[name]
    window.go_to(panel)
    settle_window(qtbot, window)
    assert isinstance(panel, RequestPanel) and panel.view.figure is not None
    window.images.turn(1)
    settle_window(qtbot, window)
    sentences = [panel.view.sentence, getattr(panel, "sentence", "")]
    assert UNFIT_IMAGES in sentences, sentences


PATH = Path("a")


def state_with(known: Known, *, graph: bool = True, history: bool = False) -> State:
    """A state of one run with these files, of which this is known; its graph's bytes are there once it is known."""
    stamp = (1, 1, 1)
    entry = Entry(PATH, True, PATH / "model.onnx", stamp if graph else None, stamp if history else None)
    file = FileBytes(PATH, "model.onnx", known.graph_sha256, b"")
    files = {(PATH, "model"): file} if known.graph else {}
    return State(entries=(entry,), known={PATH: known}, selected=(PATH,), current=PATH, files=files)


def graph_with(*outputs: str) -> GraphInfo:
    """A graph of 1×4×4 images with these outputs."""
    ports = tuple(Port(name, ("n", 1, 4, 4) if name == "reconstruction" else ("n", 3), "float32") for name in outputs)
    return GraphInfo(GraphFacts((Port("image", ("n", 1, 4, 4), "float32"),), ports, 18, 8, 1, 0, {}), CARD, "")


def samples(side: int) -> Samples:
    images = np.zeros((2, 1, side, side), np.float32)
    return Samples(images, images)


@pytest.mark.parametrize(
    "state",
    [
        state_with(Known()),
        state_with(Known(card_error="card.json is broken")),
        state_with(Known(graph=graph_with("reconstruction"))),
        state_with(Known(), graph=False, history=True),
    ],
    ids=["graph being read", "beside a broken card", "images being read", "history being read"],
)
def test_nothing_is_said_while_there_may_still_be_a_picture(state: State) -> None:
    assert why.no_output(state, PATH) == ""


@pytest.mark.parametrize(
    ("state", "needed", "sentence"),
    [
        (State(), "output", "This run is gone."),
        (state_with(Known(graph_error="model.onnx is broken")), "output", "model.onnx is broken."),
        (state_with(Known(), graph=False), "output", "There is no model.onnx yet"),
        (state_with(Known(graph=graph_with("other"), samples=samples(4))), "output", "neither a reconstruction nor"),
        (state_with(Known(graph=graph_with("reconstruction"), samples=samples(4))), "bottleneck", "has no bottleneck"),
        (state_with(Known(graph=graph_with("logits"), samples=samples(5))), "layers", "takes images of another shape"),
    ],
)
def test_the_sentence_says_what_is_missing(state: State, needed: why.Needed, sentence: str) -> None:
    assert sentence in why.no_output(state, PATH, needed)


def test_the_noise_lab_tries_a_graph_on_clean_images_of_its_shape_if_it_makes_pictures_or_logits() -> None:
    clean, inputs = np.zeros((2, 1, 4, 4), np.float32), np.ones((2, 1, 4, 4), np.float32)
    own = Samples(inputs, clean)
    plain, labelled = graph_with("reconstruction"), replace(CARD, outputs=[{"name": "logits", "classes": ["a", "b"]}])
    tried = noise_lab.noise_input_of(state_with(Known(graph=plain, samples=own)), PATH)
    assert tried is not None and tried.clean is inputs and tried.targets is clean and tried.classes is None
    assert (tried.output, tried.file.label) == ("reconstruction", "model.onnx")
    denoiser = replace(plain, card=replace(CARD, objective={"noise": 0.5}))
    tried = noise_lab.noise_input_of(state_with(Known(graph=denoiser, samples=own)), PATH)
    assert tried is not None and tried.clean is clean and tried.same
    text = replace(graph_with("logits"), card=labelled)
    tried = noise_lab.noise_input_of(state_with(Known(graph=text, samples=own)), PATH)
    assert tried is not None and (tried.output, tried.classes) == ("logits", ("a", "b")) and tried.targets is inputs
    for known in (
        Known(graph=plain, samples=samples(5)),
        Known(graph=graph_with("other"), samples=own),
        Known(graph=plain),
    ):
        assert noise_lab.noise_input_of(state_with(known), PATH) is None
    assert noise_lab.noise_input_of(state_with(Known(samples=own)), PATH) is None
    unread = replace(state_with(Known(graph=plain, samples=own)), files={})
    assert noise_lab.noise_input_of(unread, PATH) is None


def test_a_classifier_needs_no_reconstruction() -> None:
    state = state_with(Known(graph=graph_with("logits"), samples=samples(4)))
    assert "reconstruction" not in why.no_output(state, PATH, "output")
