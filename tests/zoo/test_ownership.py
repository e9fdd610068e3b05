"""Which files are our own: what a list of ours, or the file itself, says; and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zoo import card
from zoo.errors import FileRefused
from zoo.ownership import check_overwritable, journal, listed_in, read_journal, refuse_links, sha256_of

GRAPH = b"\x08\x08\x12\x05aezoo and so on"
CARD = {"format": card.FORMAT, "name": "a/b"}


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def listing(**sums: bytes) -> bytes:
    """A card.json that lists files of these contents."""
    files = {name: {"sha256": sha256_of(data), "bytes": len(data)} for name, data in sums.items()}
    return dumped({**CARD, "files": files})


@pytest.mark.parametrize(
    ("name", "found", "own"),
    [
        ("model.onnx", GRAPH, True),
        ("model.onnx", b"a file around " + GRAPH, False),
        ("notes.txt", GRAPH, False),
        ("notes.txt", b"", True),
        ("notes.txt", b"new", True),
        ("notes.txt", b"mine", False),
        ("card.json", dumped(CARD), True),
        ("index.json", dumped({"format": card.FORMAT, "bundles": []}), True),
        ("other.json", dumped({"format": card.FORMAT}), False),
        ("card.json", dumped({"format": "another/1"}), False),
        ("index.json", dumped({"format": "another/1"}), False),
        ("card.json", b"{}", False),
        ("card.json", b"[]", False),
        ("card.json", b"{", False),
        ("card.json", b"[" * 100_000, False),
    ],
)
def test_a_file_on_no_list_is_our_own_where_it_says_so_itself_or_nothing_would_be_lost(
    name: str, found: bytes, own: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(found)
    if own:
        assert check_overwritable(tmp_path, {name: b"new"}, {}) == {name: sha256_of(found)}
    else:
        with pytest.raises(FileRefused, match=f"{name} was not written by aezoo, or was changed since; .*--overwrite"):
            check_overwritable(tmp_path, {name: b"new", "absent": b"new"}, {})
    assert check_overwritable(tmp_path, {name: b"new", "absent": b"new"}, overwrite=True) == {name: sha256_of(found)}


def test_a_card_is_our_own_where_the_model_beside_it_says_the_same(tmp_path: Path) -> None:
    text = dumped({**CARD, "files": {}})
    (tmp_path / "card.json").write_bytes(text)
    for inside, own in ((card.dump(CARD), True), (card.dump({**CARD, "name": "a/c"}), False)):
        (tmp_path / "model.onnx").write_bytes(GRAPH + inside.encode())
        if own:
            check_overwritable(tmp_path, {"card.json": b"new"}, {})
        else:
            with pytest.raises(FileRefused, match=r"card\.json was not written by aezoo"):
                check_overwritable(tmp_path, {"card.json": b"new"}, {})
    (tmp_path / "index.json").write_bytes(dumped({"format": card.FORMAT, "bundles": []}))
    assert check_overwritable(tmp_path, {"index.json": b"new"}, {}), "an index says nothing of a model"


def test_a_list_of_ours_says_more_than_the_file_itself(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "model.onnx").write_bytes(GRAPH)
    files = {"a": b"new", "model.onnx": b"new"}
    listed = {"a": {sha256_of(b"another"), sha256_of(b"a")}}
    assert check_overwritable(tmp_path, files, listed) == {"a": sha256_of(b"a"), "model.onnx": sha256_of(GRAPH)}
    with pytest.raises(FileRefused, match=r"model\.onnx was not written"):
        check_overwritable(tmp_path, files, {**listed, "model.onnx": {sha256_of(b"another")}})
    (tmp_path / "card.json").write_bytes(listing(a=b"a"))
    assert check_overwritable(tmp_path, {"a": b"new"}) == {"a": sha256_of(b"a")}, "by default that of card.json"
    with pytest.raises(FileRefused, match="a was not written"):
        check_overwritable(tmp_path, {"a": b"new"}, {})


def test_a_link_to_nowhere_is_no_free_place(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileRefused):
        check_overwritable(tmp_path, {"a": b"new"}, {})


def test_links_are_refused_below_the_folder_and_not_above_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    folder = tmp_path / "link"
    folder.symlink_to(tmp_path / "real")
    refuse_links(folder, {"a/b/c": None})
    for name in ("file", "a"):
        (folder / name).symlink_to(tmp_path / "nowhere")
    for name in ("file", "a/b/c"):
        with pytest.raises(FileRefused, match="is a link, and what is written there would land elsewhere"):
            refuse_links(folder, {"good": None, name: None})


def test_the_journal_and_card_json_are_one_list_and_a_damaged_one_is_passed_over(tmp_path: Path) -> None:
    assert listed_in(tmp_path) == {}
    assert list(json.loads(journal({"z": {"2"}}, {}, {"a": b""}))["files"]) == ["a", "z"], "the same bytes again"
    own = journal({"a": {"1"}, "z": {"2"}}, {"b": "3"}, {"b": b"new", "c": b"newer"})
    assert json.loads(own) == {
        "format": card.FORMAT,
        "files": {"a": ["1"], "b": sorted(["3", sha256_of(b"new")]), "c": [sha256_of(b"newer")], "z": ["2"]},
    }
    (tmp_path / ".writing.json").write_bytes(own)
    (tmp_path / "card.json").write_bytes(listing(b=b"older", d=b"d"))
    kept = {"a": {"1"}, "z": {"2"}, "c": {sha256_of(b"newer")}}
    assert read_journal(tmp_path) == {**kept, "b": {"3", sha256_of(b"new")}}
    assert listed_in(tmp_path) == {
        **kept,
        "b": {"3", sha256_of(b"new"), sha256_of(b"older")},
        "d": {sha256_of(b"d")},
    }
    (tmp_path / "card.json").write_bytes(b"no card")
    assert listed_in(tmp_path) == read_journal(tmp_path)
    for text in (b"{", b"[]", b"{}", b'{"files": []}', b'{"files": {"a": 1}}', b"[" * 100_000, b"\xff"):
        (tmp_path / ".writing.json").write_bytes(text)
        assert read_journal(tmp_path) == {}, text[:20]


def test_a_journal_changes_no_list_that_it_is_given() -> None:
    listed: Any = {"a": {"1"}}
    journal(listed, {}, {"a": b"new"})
    assert listed == {"a": {"1"}}
