"""Why there is no picture: one sentence for each reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from viewer.state import why
from viewer.state.encoder_decoders import unit_decoder
from viewer.state.library import Entry
from viewer.state.selection import Known, State

RUN = Path("/runs/a")
ENTRY = Entry(RUN, True, RUN / "model.onnx", (1, 1, 1), (1, 1, 1))
STATE = State(entries=(ENTRY,), selected=(RUN,), current=RUN)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (None, "The graph's bottleneck holds no values."),
        (np.zeros(4), "The graph's bottleneck holds no values."),
        (np.zeros((2, 0)), "The graph's bottleneck holds no values."),
        (
            np.zeros((1, why.MOST_VALUES + 1), np.float32),
            "The graph's bottleneck holds 262,145 values per image; at most 262,144 can be shown.",
        ),
        (np.full((1, 2), np.nan), "The output is not finite: 2 of its 2 values."),
        (np.array([[np.nan, 1.0]]), ""),
    ],
    ids=["none", "no batch", "empty", "too many", "not finite", "with gaps"],
)
def test_a_bottleneck_is_shown_with_gaps_but_not_without_values(values: np.ndarray | None, sentence: str) -> None:
    assert why.no_bottleneck(values) == sentence


def test_maps_and_pictures_have_their_shape_and_are_finite() -> None:
    assert why.no_maps(np.zeros((1, 9))) == "This node's maps are empty." == why.no_maps(None)
    assert why.no_maps(np.array([[[[np.nan, 1.0]]]])) == ""
    assert why.no_pictures(np.zeros((1, 2, 3, 3))) == "The decoder's output is not an image." == why.no_pictures(None)
    assert why.no_pictures(np.zeros((1, 3, 2, 2))) == ""
    assert why.no_pictures(np.array([[[[np.inf, 1.0]]]])) == "The output is not finite: 1 of its 2 values."


def test_losses_are_missing_for_a_reason() -> None:
    assert why.no_losses(State(), 0, "loss") == "" == why.no_losses(STATE, 0, "loss"), "they may still come"
    assert why.no_losses(STATE, 1, "time") == "No time was recorded for this run."
    assert why.no_losses(STATE, 2, "learning rate") == "No learning rate was recorded for these runs."
    lone = replace(STATE, entries=(replace(ENTRY, history_stamp=None),))
    assert why.no_losses(lone, 0, "loss").startswith("There are no losses, because there is no history.h5 beside")
    broken = replace(STATE, known={RUN: Known(history_error="history.h5 is broken")})
    assert why.no_losses(broken, 0, "loss") == "history.h5 is broken."


def test_runs_without_a_figure_are_counted() -> None:
    assert why.no_trade_off(State(), 0, "mse") == why.NO_RUNS_YET
    assert why.no_trade_off(STATE, 0, "mse") == "No run here has a bottleneck whose size is known."
    assert why.no_trade_off(STATE, 1, "mse").startswith("This run has no mse yet; ")
    assert why.no_trade_off(STATE, 5, "psnr").startswith("None of these 5 runs has a psnr yet; ")


def test_a_lone_graph_has_values_to_view_but_not_to_change() -> None:
    lone = replace(STATE, entries=(replace(ENTRY, is_run=False),))
    assert str(unit_decoder(lone, (2,))).startswith("A single graph has no decoder.onnx beside it")
    stamp = (1, 1, 1)
    coming = replace(STATE, entries=(replace(ENTRY, graph_stamp=stamp, decoder_stamp=stamp),), known={})
    assert unit_decoder(coming, (2,)) == "", "it may still be read"
    broken = replace(STATE, known={RUN: Known(decoder_error="decoder.onnx is broken")})
    assert unit_decoder(broken, (2,)) == "decoder.onnx is broken."
