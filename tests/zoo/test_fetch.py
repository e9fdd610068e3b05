"""Downloads, against a server on this machine: mirrors, hashes, sizes, and nothing half-made."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pooch
import pytest
import requests

from tests.zoo.conftest import Server
from zoo import cli
from zoo.data import fetch, mnist, sets
from zoo.errors import DataError, WriteError


@pytest.fixture
def closed_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def test_four_files_come_whole_and_are_not_fetched_twice(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought = fetch.fetch_mnist(tmp_path)
    assert len(brought) == 4
    assert len(mnist.load("train", tmp_path)) == 7
    sizes = {path.name: path.stat().st_size / 1e6 for path in brought}
    lines = [f"  {name}: {size:.1f} of {size:.1f} MB" for name, size in sizes.items()]
    assert capsys.readouterr().err.splitlines() == lines
    assert fetch.fetch_mnist(tmp_path) == []
    assert len(server.requested) == 4


def test_a_dead_mirror_and_an_empty_one_are_passed_over(
    server: Server, tmp_path: Path, closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", (closed_url, f"{server.url}nothing/", server.url))
    assert len(fetch.fetch_mnist(tmp_path)) == 4


def test_a_file_with_another_hash_is_never_kept(server: Server, tmp_path: Path) -> None:
    name = "/train-images-idx3-ubyte.gz"
    server.files[name] = server.files[name][:-1] + b"x"
    with pytest.raises(DataError, match="another sha256 than the published one"):
        fetch.fetch_mnist(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_mirror_that_sends_without_end_is_stopped(server: Server, tmp_path: Path) -> None:
    server.files["/train-images-idx3-ubyte.gz"] = bytes(5_000_000)
    with pytest.raises(DataError, match="sent more than the published"):
        fetch.fetch_mnist(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ConnectTimeout(), "no answer in 20 s"),
        (requests.ConnectionError(), "cannot be reached"),
        (OSError("a broken disk"), "a broken disk"),
        (DataError("sent more than that"), "sent more than that"),
    ],
)
def test_after_whatever_went_wrong_the_next_mirror_is_asked(
    error: Exception, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[object] = []

    def fails(*_: object, downloader: object, **__: object) -> None:
        raise error

    def limited(*_: object, **options: object) -> None:
        limits.append(options["timeout"])

    monkeypatch.setattr(pooch, "retrieve", fails)
    monkeypatch.setattr(pooch, "HTTPDownloader", limited)
    with pytest.raises(DataError, match=rf"could not fetch .* \(https://\S+: {reason}; https://\S+: {reason}\)"):
        fetch.fetch_mnist(tmp_path)
    assert limits == [20, 20]


def test_no_network_says_what_to_do_instead(tmp_path: Path, closed_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", (closed_url,))
    with pytest.raises(DataError, match=r"cannot be reached.*Use --data sample.*name that folder with --data"):
        fetch.fetch_mnist(tmp_path)


def test_a_broken_file_is_replaced(server: Server, tmp_path: Path) -> None:
    fetch.fetch_mnist(tmp_path)
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken")
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(b"broken, and found first")
    assert len(fetch.fetch_mnist(tmp_path)) == 2
    assert len(mnist.load("train", tmp_path)) == 7


def test_the_verbs_fetch_and_tell(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AEZOO_MIRROR", server.url)
    monkeypatch.setattr(fetch, "MNIST_MIRRORS", ())
    with pytest.raises(SystemExit) as ended:
        cli.main(["data", "fetch", "mnist", "--data", str(tmp_path)])
    assert ended.value.code == 0
    assert "mnist: 4 files fetched" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["data", "fetch", "mnist", "--data", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out) == [{"name": "mnist", "folder": str(tmp_path), "files": []}]
    with pytest.raises(SystemExit):
        cli.main(["data", "status", "--data", str(tmp_path)])
    assert f"in {tmp_path}: sound" in capsys.readouterr().out


def test_the_users_folder_means_the_same_data_to_every_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert sets.from_anywhere("~/d") == str(tmp_path / "d")
    assert sets.from_anywhere("d") == str(Path.cwd() / "d")
    assert (sets.from_anywhere(None), sets.from_anywhere("sample")) == (None, "sample")


def test_a_file_is_no_folder_of_data_and_the_cache_need_not_be_there_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path / "absent"))
    assert sets.existing_folder(None) == tmp_path / "absent"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="which is no folder"):
        sets.existing_folder(str(tmp_path / "file"))
    assert [name for name, each in sets.DATA_SETS.items() if each.fetchable] == ["mnist", "cifar10"]


def test_the_mirror_of_a_course_is_asked_first_and_one_without_an_address_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AEZOO_MIRROR", f"{server.url}course/")
    server.files = {f"/course{path}": data for path, data in server.files.items()}
    assert len(fetch.fetch_mnist(tmp_path / "a")) == 4
    assert all(path.startswith("/course/") for path in server.requested)
    monkeypatch.setenv("AEZOO_MIRROR", "/a/folder")
    with pytest.raises(DataError, match=rf"\(/a/folder: is no http address; {server.url}: answered 404\)"):
        fetch.fetch_mnist(tmp_path / "b")


def test_a_meter_speaks_at_each_quarter_and_stops_what_is_longer(capsys: pytest.CaptureFixture[str]) -> None:
    meter = fetch._Meter("file", 8_000_000)
    for count in (1_999_999, 1, 4_000_000, 1_000_000):
        meter.update(count)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["  file: 2.0 of 8.0 MB", "  file: 6.0 of 8.0 MB"]
    meter.update(1_000_000 + fetch.CHUNK_BYTES)  # the last piece is counted as a whole one
    assert capsys.readouterr().err == "  file: 8.0 of 8.0 MB\n"
    with pytest.raises(DataError, match="sent more than the published 8,000,000 bytes"):
        meter.update(1)
    meter.reset()
    meter.update(8_000_000)
    assert capsys.readouterr().err == ""


def test_what_is_there_and_sound_is_left_alone_and_what_is_broken_is_called_so(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def aezoo(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            cli.main(["data", *words, "--data", str(tmp_path)])
        assert ended.value.code == 0
        return capsys.readouterr().out

    assert aezoo("fetch", "mnist").endswith(f"next: aezoo train purdue/conv --data {tmp_path}\n")
    assert aezoo("fetch", "mnist").startswith("mnist: was there already\n")
    assert '"files": []' in aezoo("fetch", "mnist", "--json")
    assert f"next: aezoo data fetch cifar10 --data {tmp_path}" in aezoo("status")
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken")
    assert f"in {tmp_path}: broken: " in aezoo("status")


def test_a_data_set_is_fetched_only_into_the_cache_and_only_where_it_is_absent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AEZOO_CACHE", str(tmp_path))
    for data in ("sample", str(tmp_path)):
        sets.obtain("mnist", data)
    assert server.requested == []
    sets.obtain("mnist", None)
    assert f"mnist is not in {tmp_path}; fetching it from the network" in capsys.readouterr().err
    assert len(server.requested) == 4
    sets.obtain("mnist", None)
    assert (len(server.requested), capsys.readouterr().err) == (4, "")
    with pytest.raises(DataError, match="there is no such user; name a folder, or 'sample'"):
        sets.folder_of("~nobody-of-that-name/data")
    assert sets.folder_of(None) == sets.folder_of("") == tmp_path


def test_a_folder_that_cannot_be_made_or_written_is_said_before_anything_is_sent(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError, match=r"could not write .*file/MNIST/raw: a part of that path is a file"):
        fetch.fetch_mnist(tmp_path / "file")
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(WriteError, match=r"ubyte\.gz: you may not write there; choose another folder"):
        fetch.fetch_mnist(tmp_path)
    assert server.requested == []
