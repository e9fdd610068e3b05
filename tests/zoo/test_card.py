"""The card: what is written is read back; anything else is refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoo import card, gate
from zoo.errors import FileRefused
from zoo.runs import RunFolder


def test_the_card_in_every_graph_and_beside_it_say_the_same_of_the_model(conv_run: RunFolder) -> None:
    texts = {}
    for name in ("model", "encoder", "decoder"):
        facts = gate.check_onnx(conv_run.graph(name).read_bytes(), source=name)
        own = card.from_metadata(facts.metadata)
        assert own is not None
        assert own.graph == name
        texts[name] = own
    beside = card.from_json(conv_run.card.read_text())
    assert beside == texts["model"]
    assert beside.name == "purdue/conv"
    assert beside.bottleneck == {"shape": [8, 7, 7], "size": 392, "view": [28, 14], "compression": 2.0}
    assert beside.parameters == 3217
    assert beside.metrics.keys() == {"mse", "psnr", "ssim", "bce"}
    assert beside.baselines.keys() == {"nearest-example", "black", "mean-image"}  # PCA of the small sample is exact
    assert "sample" in beside.data["provenance"]


def test_a_card_holds_no_date_path_or_host_and_is_compact_and_sorted(conv_run: RunFolder) -> None:
    text = conv_run.card.read_text().rstrip()
    value = json.loads(text)
    assert text == json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert str(conv_run.path.parent) not in text
    assert not any(word in text for word in ("date", "host", "/home", "/tmp"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not JSON"),
        ('{"format": "aezoo/1", "parameters": 1' + "0" * 400 + "}", "not JSON with plain numbers"),
        ('{"format": "aezoo/1", "parameters": 1e999}', "not JSON with plain numbers"),
        ('{"format": "aezoo/1", "parameters": NaN}', "plain numbers"),
        ("[]", "not a card of aezoo"),
        ("{}", "not a card of aezoo"),
        ('{"format": "aezoo/2"}', "update aezoo"),
        ('{"format": "aezoo/1"}', "no proper 'name'"),
        ('{"format": "aezoo/1", "name": 3}', "no proper 'name'"),
        ("[" * 100_000, "not JSON"),
        (" " * (card.MAX_TEXT + 1), "not a card of aezoo"),
    ],
)
def test_what_is_no_card_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(FileRefused, match=sentence):
        card.from_json(text)


def test_a_graph_without_a_card_has_none() -> None:
    assert card.from_metadata({"author": "somebody"}) is None


def test_sums_of_a_card_json_are_read_or_refused(conv_run: RunFolder) -> None:
    files = card.files_of(conv_run.card.read_text())
    assert files.keys() == {"model.onnx", "encoder.onnx", "decoder.onnx"}
    for broken in ("[]", '{"files": [1]}', '{"files": {"a": 1}}'):
        with pytest.raises(FileRefused, match="does not list its files"):
            card.files_of(broken)


def test_numbers_of_a_card_are_such_as_a_program_can_reckon_with() -> None:
    assert [card._parse(text) for text in ("9007199254740992", "-3", "2.5", "1e3")] == [2**53, -3, 2.5, 1000.0]
    assert isinstance(card._parse("3"), int) and isinstance(card._parse("3.0"), float)
    for text in ("9007199254740994", "-1e16", "Infinity", "-Infinity", "NaN"):
        with pytest.raises(ValueError, match=r"."):
            card._parse(text)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"metrics": {"mse": True}}, "metrics"),
        ({"published": {"mse": "0.1"}}, "published"),
        ({"baselines": {"pca": {"mse": None}}}, "baselines"),
        ({"tools": {"torch": 2}}, "tools"),
        ({"choices": [["a"]]}, "choices"),
        ({"inputs": [{"name": 3}]}, "inputs"),
        ({"inputs": [{"name": "a", "shape": [1.5]}]}, "inputs"),
        ({"inputs": [{"name": "a", "range": [0]}]}, "inputs"),
        ({"inputs": [{"name": "a", "range": [0, "1"]}]}, "inputs"),
        ({"outputs": [{"name": "a", "kind": 1}]}, "outputs"),
        ({"outputs": [{"name": "a", "classes": [1]}]}, "outputs"),
        ({"outputs": [{}]}, "outputs"),
        ({"parameters": "many"}, "parameters"),
        ({"data": []}, "data"),
    ],
)
def test_a_part_of_a_card_that_is_of_another_kind_is_named(
    change: dict[str, Any], name: str, conv_run: RunFolder
) -> None:
    value = {**json.loads(conv_run.card.read_text()), **change}
    with pytest.raises(FileRefused, match=f"^c: its card has no proper '{name}'; export the run again"):
        card.from_json(json.dumps(value), source="c")


def test_a_card_json_lists_files_of_its_folder_and_of_test_alone() -> None:
    names = (
        "model.onnx",
        "test/a.f32",
        "README.md",
        "Test",
        "../a",
        "/a",
        "test/../a",
        "a/b",
        "test/",
        ".a",
        "",
        "a b",
    )
    assert [name for name in names if card.FILE.fullmatch(name)] == ["model.onnx", "test/a.f32", "README.md", "Test"]
