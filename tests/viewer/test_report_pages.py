"""Pages and layers: no piece is cut, no heading is left behind, and a graph's layers are what onnx says they are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from pytestqt.qtbot import QtBot

from tests.viewer.conftest import graph_bytes
from viewer.infer import messages
from viewer.infer.messages import Completed, OpenFile, Refused, Request, WorkerReply
from viewer.infer.worker import Worker
from viewer.report import paper
from viewer.report.document import Block, Heading, Report, TableBlock, TextBlock, part, quote
from viewer.report.pages import Piece, paginate
from viewer.state import summary
from viewer.state.files import FileBytes
from viewer.state.summary import GraphNode
from zoo.protocol import ProtocolError
from zoo.runs import RunFolder

HEIGHT = 100.0


@st.composite
def pieces(draw: st.DrawFn) -> list[Piece[int]]:
    """Pieces that fit a page, headings among them, as many of them in a row as still fit with what follows."""
    heading = Piece(-1, 8.0)
    made: list[Piece[int]] = []
    for number in range(draw(st.integers(0, 30))):
        kept = draw(st.booleans()) and not (made and made[-1].keep)
        height = draw(st.integers(1, 20 if kept else 60))
        head = heading if draw(st.booleans()) and not kept else None
        made.append(Piece(number, height, above=draw(st.integers(0, 10)), keep=kept, head=head))
    return made


@given(pieces())
def test_no_piece_is_cut_lost_or_moved_before_another(given_pieces: list[Piece[int]]) -> None:
    pages = paginate(given_pieces, HEIGHT)
    pieces = [spot for page in pages for spot in page]
    assert [spot.piece.content for spot in pieces if spot.piece.content >= 0] == list(range(len(given_pieces)))
    assert all(page for page in pages) or not given_pieces
    for page in filter(None, pages):
        assert all(spot.top + spot.piece.height <= HEIGHT + 1e-6 for spot in page)
        for one, two in itertools.pairwise(page):
            assert one.top + one.piece.height <= two.top + 1e-6
        assert page[-1].piece.content < 0 or not page[-1].piece.keep or page[-1].piece is given_pieces[-1]


def test_a_heading_goes_with_what_follows_it() -> None:
    flow = [Piece("text", 80.0), Piece("heading", 10.0, keep=True), Piece("figure", 30.0)]
    assert [[spot.piece.content for spot in page] for page in paginate(flow, HEIGHT)] == [
        ["text"],
        ["heading", "figure"],
    ]


def test_a_table_has_its_heading_again_on_the_next_page() -> None:
    head = Piece("head", 10.0)
    flow = [head, *(Piece(f"row {number}", 30.0, head=head) for number in range(5))]
    sentence = [[spot.piece.content for spot in page] for page in paginate(flow, HEIGHT)]
    assert sentence == [["head", "row 0", "row 1", "row 2"], ["head", "row 3", "row 4"]]


def test_what_is_taller_than_a_page_has_one_of_its_own() -> None:
    sentence = paginate([Piece("a", 10.0), Piece("giant", 150.0), Piece("b", 10.0)], HEIGHT)
    assert [[spot.piece.content for spot in page] for page in sentence] == [["a"], ["giant"], ["b"]]
    assert paginate([], HEIGHT) == [[]]


def test_what_may_be_smaller_is_where_that_brings_it_to_the_page_before() -> None:
    flow = [
        Piece("text", 60.0),
        Piece("figure", 50.0, least=35.0),
        Piece("text", 90.0),
        Piece("figure", 50.0, least=35),
    ]
    heights = [[round(spot.piece.height) for spot in page] for page in paginate(flow, HEIGHT)]
    assert heights == [[60, 40], [90], [50]]


@pytest.fixture
def long_report() -> Report:
    """Parts with headings and much text, and a table that is wider than the page where its cells are on one line."""
    blocks: list[Block] = []
    for number in range(9):
        blocks += [part(f"Part {number}"), Heading("Same words"), quote("words"), TextBlock("more " * 900)]
    table = TableBlock("wide", (("name", *["some words"] * 9), *[("x", *["0.123456"] * 9)] * 90))
    return Report("x", "Title", "lead", (*blocks, table))


def test_the_contents_name_the_page_of_every_heading(
    long_report: Report, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[Mapping[int | None, int]] = []
    contents = paper.contents

    def heard(report: Report, numbers: Mapping[int | None, int]) -> str:
        known.append(numbers)
        return contents(report, numbers)

    monkeypatch.setattr(paper, "contents", heard)
    pages = paper.lay_out(long_report, 750, 1_000)
    where = {spot.piece.mark: number for number, page in enumerate(pages, start=1) for spot in page}
    headings = [index for index, block in enumerate(long_report.blocks) if isinstance(block, Heading)]
    assert len(pages) > 4
    assert [known[-1][index] for index in headings] == [where[index] for index in headings]


def test_a_table_is_cut_between_its_rows(long_report: Report, qtbot: QtBot) -> None:
    pages = paper.lay_out(long_report, 750, 1_000)
    table = len(long_report.blocks) - 1
    rows = [[spot for spot in page if spot.piece.mark == table] for page in pages]
    assert sum(map(len, rows)) == 1 + 91, "the caption and every row"
    assert all(15 < spot.piece.height < 30 for each in rows for spot in each[2:])


# ---- layers --------------------------------------------------------------------------------------------------


def reply_to(data: bytes) -> WorkerReply:
    """What the worker says of a graph's layers."""
    return Worker("cpu").reply(OpenFile(1, "it", "0", "summary", arrays={"file": np.frombuffer(data, np.uint8)}))


def nodes_of(data: bytes) -> tuple[GraphNode, ...]:
    reply = reply_to(data)
    assert isinstance(reply, Completed), reply
    return summary.nodes_of(reply.facts)


def rows_of(data: bytes) -> list[tuple[str, tuple[int, ...], int]]:
    return [(node.operator, node.shape, node.parameters) for node in nodes_of(data)]


def test_layers_are_those_that_onnx_reads(conv_run: RunFolder) -> None:
    data = conv_run.graph("model").read_bytes()
    found = rows_of(data)
    model = onnx.load_from_string(data)
    learned = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer if tensor.data_type == 1)
    assert sum(parameters for _, _, parameters in found) == 3_217 <= learned
    assert found[:3] == [("Conv", (16, 28, 28), 160), ("Relu", (16, 28, 28), 0), ("MaxPool", (16, 14, 14), 0)]
    assert found[-1] == ("Sigmoid", (1, 28, 28), 0)


def test_a_graph_without_a_word_on_its_shapes_has_layers_too() -> None:
    assert rows_of(graph_bytes()) == [("Conv", (1, 28, 28), 9), ("Conv", (8, 7, 7), 128)]


def test_what_nodes_share_is_counted_once() -> None:
    weights = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["image", "w"], ["a"]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4]) for name in ("image", "y")]
    made = helper.make_graph(nodes, "tests", ports[:1], ports[1:], [weights])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    assert rows_of(model.SerializeToString()) == [("MatMul", (4,), 16), ("Identity", (4,), 0), ("MatMul", (4,), 0)]


def test_weights_that_are_kept_in_float16_are_counted_where_they_are_used() -> None:
    weights = numpy_helper.from_array(np.ones((4, 4), np.float16), "half")
    nodes = [
        helper.make_node("Cast", ["half"], ["w"], to=onnx.TensorProto.FLOAT),
        helper.make_node("MatMul", ["image", "w"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 4]) for name in ("image", "y")]
    made = helper.make_graph(nodes, "tests", ports[:1], ports[1:], [weights])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    assert rows_of(model.SerializeToString())[-1] == ("MatMul", (4,), 16)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_graph_are_refused(data: bytes) -> None:
    assert isinstance(reply_to(data), Refused)


@given(st.integers(0, 3_000), st.integers(0, 255))
@example(22, 128)  # a name that is not UTF-8
def test_a_damaged_graph_has_layers_or_is_refused(position: int, value: int) -> None:
    data = bytearray(graph_bytes())
    data[position % len(data)] = value
    for damaged in (bytes(data), bytes(data[: position % len(data)])):
        assert isinstance(reply_to(damaged), Refused) or isinstance(nodes_of(damaged), tuple)


NODE = {"operator": "Conv", "tensor": "y", "shape": [1, 28, 28], "parameters": 9, "properties": ""}


@pytest.mark.parametrize(
    "listing",
    [
        None,
        {},
        [7],
        [{}],
        [{**NODE, "operator": 7}],
        [{**NODE, "shape": None}],
        [{**NODE, "shape": [1, True]}],
        [{**NODE, "parameters": 0.5}],
        [{**NODE, "parameters": 1 << 60}],
        [NODE] * 513,
    ],
)
def test_improper_layers_are_not_believed(listing: object) -> None:
    request = Request("report", "summary", FileBytes(Path("x"), "x", "0", b""))
    messages.check(request, Completed(1, {"nodes": [NODE]}))
    with pytest.raises(ProtocolError, match="no proper"):
        messages.check(request, Completed(1, {"nodes": listing}))
