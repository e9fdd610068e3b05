"""The kit's web page in a real browser: what it shows is what onnxruntime computes, and nothing leaves this machine."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from export.bundle import write_bundle
from export.published import Published
from tests.conftest import Exported
from zoo import sessions
from zoo.data.fetch import cache_folder

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

pytestmark = pytest.mark.slow

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
waiting = pytest.importorskip("selenium.webdriver.support.ui", reason="selenium is not installed")

PAGE = Path(__file__).parents[2] / "export" / "kit" / "web"
MODELS = ("purdue/denoise", "hesso/vae-2-all", "hesso/classifier", "maastricht/colour-1", "letters/latent")
NEAR = 1e-5  # of values up to 1; rounding grows with what is larger
SEVEN = ((0.3, 0.25), (0.7, 0.25), (0.6, 0.5), (0.45, 0.8))

Array = np.ndarray
State = dict[str, Any]
Values = dict[str, Array]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as `python3 -m http.server` would; gives its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def ort() -> Path:
    """The folder of onnxruntime-web's files."""
    dist = cache_folder() / "npm" / "node_modules" / "onnxruntime-web" / "dist"
    if not (dist / "ort.wasm.min.mjs").is_file():
        pytest.skip(f"onnxruntime-web is not in {dist.parents[2]}: npm install onnxruntime-web there")
    return dist


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, ort: Path, conv_export: Published, exported: Exported) -> Path:
    """A folder of bundles with the page and onnxruntime-web beside it."""
    folder = tmp_path_factory.mktemp("site")
    for each in (conv_export, *map(exported, MODELS)):
        write_bundle(each, folder)
    shutil.copytree(PAGE, folder / "kit" / "web")
    (folder / "kit" / "web" / "ort").symlink_to(ort)
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with served(site) as found:
        yield found


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless browser with a profile of its own, that writes down what it asks the network for."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    switches = "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    for switch in (switches + "disable-component-update disable-sync window-size=1280,1400").split():
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def show(chrome: Chrome, address: str) -> Callable[[str], State]:
    """Open the page with a query, wait until all is still, and give what it then shows."""
    return lambda query: opened(chrome, address, query)


def opened(chrome: Chrome, address: str, query: str) -> State:
    chrome.get(f"{address}kit/web/?{query}")
    chrome.execute_async_script("aezoo.ready.then(arguments[0])")
    return still(chrome)


def still(chrome: Chrome) -> State:
    """Wait until no run is under way; what the page then shows."""
    waiting.WebDriverWait(chrome, 30, 0.02).until(lambda _: not state(chrome)["busy"])
    return state(chrome)


def state(chrome: Chrome) -> State:
    found: State = chrome.execute_script("return aezoo.state()")
    return found


def element(chrome: Chrome, name: str) -> WebElement:
    return chrome.find_element("id", name)


def errors(chrome: Chrome) -> str:
    return str(element(chrome, "errors").text)


def pixels(chrome: Chrome, name: str) -> Array:
    """The pixels of a canvas of the page, uint8 (H, W, 3), as the browser holds them."""
    code = """
        const canvas = document.getElementById(arguments[0]);
        const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return [image.height, image.width, Array.from(image.data)]"""
    height, width, data = chrome.execute_script(code, name)
    return np.array(data, np.uint8).reshape(height, width, 4)[:, :, :3]


def drag(chrome: Chrome, name: str, points: Sequence[tuple[float, float]]) -> None:
    """Press the mouse at the first place, in parts of an element's size, move to the others, and let go."""
    target = element(chrome, name)
    chrome.execute_script("arguments[0].scrollIntoView({block: 'center'})", target)
    width, height = target.size["width"], target.size["height"]
    steps = [(round((x - 0.5) * width), round((y - 0.5) * height)) for x, y in points]
    chain = webdriver.ActionChains(chrome, duration=20)
    chain.move_to_element_with_offset(target, *steps[0]).click_and_hold()
    for step in steps[1:]:
        chain.move_to_element_with_offset(target, *step)
    chain.release().perform()


def slide(chrome: Chrome, name: str, value: float) -> None:
    code = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
    chrome.execute_script(code, element(chrome, name), value)


def computed(file: Path, value: Sequence[float], shape: Sequence[int]) -> Values:
    """What onnxruntime computes of one value, by output."""
    session = sessions.make(file.read_bytes())
    feed = {session.get_inputs()[0].name: np.array(value, np.float32).reshape(shape)}
    answers = session.run(None, feed)
    return {port.name: np.asarray(answer) for port, answer in zip(session.get_outputs(), answers, strict=True)}


def agree(found: Sequence[float], expected: Array) -> bool:
    far = np.abs(np.array(found, np.float64) - expected.ravel()).max()
    return bool(far <= NEAR * max(1.0, float(np.abs(expected).max())))


def assert_answers(site: Path, found: State) -> Values:
    """Every output on the page is what onnxruntime computes of the input on the page."""
    shapes = found["shapes"]
    expected = computed(site / found["model"] / "model.onnx", found["input"], shapes["image"])
    assert found["outputs"].keys() == expected.keys()
    for name, value in expected.items():
        assert tuple(shapes[name]) == value.shape
        assert agree(found["outputs"][name], value), name
    return expected


def assert_painted(chrome: Chrome, name: str, image: Array) -> None:
    """A canvas shows an image (1, C, H, W), within one grey level."""
    painted = pixels(chrome, name).astype(int)
    wanted = np.round(np.clip(image[0], 0, 1) * 255).transpose(1, 2, 0)
    assert painted.shape[:2] == wanted.shape[:2]
    assert np.abs(painted - wanted).max() <= 1


def picture(size: tuple[int, int], ground: str, ink: str) -> Image.Image:
    image = Image.new("RGB", size, ground)
    points = [(x * size[0], y * size[1]) for x, y in SEVEN]
    ImageDraw.Draw(image).line(points, fill=ink, width=size[1] // 12)
    return image


def test_a_digit_that_is_drawn_gets_the_answer_that_onnxruntime_gives(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    before = show("model=purdue/conv")
    assert (before["model"], before["sha256"], before["errors"]) == ("purdue/conv", "ok", [])
    element(chrome, "clear").click()
    assert max(still(chrome)["input"]) == 0
    drag(chrome, "pad", SEVEN)
    found = still(chrome)
    drawn = np.array(found["input"]).reshape(28, 28)
    assert drawn.max() == 1
    assert drawn[7, 9:19].min() > 0.5, "the upper stroke"
    assert drawn[:5].max() == 0
    expected = assert_answers(site, found)
    assert_painted(chrome, "clean", drawn[None, None])
    assert_painted(chrome, "output", expected["reconstruction"])


def test_the_first_stroke_takes_the_place_of_the_test_image_and_undo_brings_it_back(
    chrome: Chrome, show: Callable[[str], State]
) -> None:
    tested = show("model=purdue/conv")["input"]
    drag(chrome, "pad", [(0.4, 0.9), (0.6, 0.9)])
    assert np.array(still(chrome)["input"]).reshape(28, 28)[:20].max() == 0
    element(chrome, "undo").click()
    assert still(chrome)["input"] == tested


def test_the_arrow_keys_draw_while_the_space_bar_holds_the_pen_down(
    chrome: Chrome, show: Callable[[str], State]
) -> None:
    show("model=purdue/conv")
    right, down = "\ue014", "\ue015"
    element(chrome, "pad").send_keys(4 * right + " " + 6 * down + " " + 3 * right)
    drawn = np.array(still(chrome)["input"]).reshape(28, 28)
    rows, columns = np.nonzero(drawn > 0.5)
    assert 13 <= rows.min() <= 14 and 19 <= rows.max() <= 20
    assert 16 <= columns.min() <= columns.max() <= 19


def test_a_test_image_is_the_one_of_the_bundle(chrome: Chrome, site: Path, show: Callable[[str], State]) -> None:
    show("model=purdue/conv")
    element(chrome, "tests").find_elements("tag name", "button")[1].click()
    second = np.fromfile(site / "purdue/conv/test/image.f32", "<f4").reshape(2, -1)[1]
    assert np.array_equal(np.array(still(chrome)["input"], np.float32), second)


def test_noise_goes_in_and_the_answer_is_measured_against_the_clean_image(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    clean = np.array(show("model=purdue/denoise")["input"])
    slide(chrome, "sigma", 0.25)
    found = still(chrome)
    noisy = np.array(found["input"])
    assert noisy.min() >= 0 and noisy.max() <= 1
    assert 0.1 < np.std(noisy[clean == 0]) < 0.25, "half of the noise on black is clipped"
    expected = assert_answers(site, found)
    assert_painted(chrome, "noisy", noisy.reshape(1, 1, 28, 28))
    error = float(np.square(expected["reconstruction"].ravel() - clean).mean())
    assert float(element(chrome, "output-number").text.removeprefix("mse ")) == pytest.approx(error, rel=0.01)
    slide(chrome, "sigma", 0)
    still(chrome)
    slide(chrome, "sigma", 0.25)
    assert still(chrome)["input"] == found["input"], "the noise has a fixed seed"


def test_a_dark_drawing_in_a_file_is_fitted_and_inverted(
    chrome: Chrome, site: Path, show: Callable[[str], State], tmp_path: Path
) -> None:
    show("model=purdue/conv")
    picture((640, 480), "white", "black").save(tmp_path / "seven.png")
    element(chrome, "file").send_keys(str(tmp_path / "seven.png"))
    waiting.WebDriverWait(chrome, 10).until(lambda _: "640×480" in element(chrome, "fit").text)
    found = still(chrome)
    assert element(chrome, "fit").text == "640×480 → centre square → 28×28, grey, inverted"
    assert element(chrome, "invert").is_selected()
    square = np.asarray(picture((640, 480), "white", "black").convert("L").crop((80, 0, 560, 480)), np.float64)
    shares = np.repeat(np.eye(28), 120, axis=1).reshape(28, 480, 7).sum(axis=2) / 120  # of 480 pixels in each of 28
    wanted = 1 - shares @ square @ shares.T / 255
    assert np.abs(np.array(found["input"]) - wanted.ravel()).max() < 1 / 255
    assert_answers(site, found)
    element(chrome, "invert").click()
    assert np.abs(np.array(still(chrome)["input"]) - (1 - wanted.ravel())).max() < 1 / 255


def test_a_file_that_is_dropped_goes_in_as_well_and_one_that_is_no_image_is_refused_in_a_sentence(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    show("model=purdue/conv")
    data = io.BytesIO()
    picture((56, 56), "black", "white").save(data, "PNG")
    drop(chrome, "seven.png", data.getvalue())
    waiting.WebDriverWait(chrome, 10).until(lambda _: element(chrome, "fit").text == "56×56 → 28×28, grey")
    found = still(chrome)
    assert_answers(site, found)
    drop(chrome, "notes.txt", b"no image")
    waiting.WebDriverWait(chrome, 10).until(lambda _: errors(chrome))
    assert errors(chrome) == "notes.txt is not an image that this browser can read."
    assert still(chrome)["input"] == found["input"]


def drop(chrome: Chrome, name: str, data: bytes) -> None:
    code = """
        const bytes = Uint8Array.from(atob(arguments[1]), (letter) => letter.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], arguments[0]));
        document.body.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true}))"""
    chrome.execute_script(code, name, base64.b64encode(data).decode())


def test_a_changed_bottleneck_is_decoded_by_the_decoder_and_reset_brings_the_encoded_one_back(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    encoded = show("model=purdue/conv")["outputs"]["bottleneck"]
    drag(chrome, "bottleneck", [(0.25, 0.4)])
    slide(chrome, "value", 1.5)
    found = still(chrome)
    changed = np.array(found["changed"]["bottleneck"])
    (points,) = np.nonzero(changed != encoded)
    assert [divmod(int(index), 14) for index in points] == [(11, 3)], "a view of 28 rows and 14 columns"
    assert changed[points[0]] == pytest.approx(1.5, abs=0.05)
    answer = computed(site / "purdue/conv/decoder.onnx", found["changed"]["bottleneck"], (1, 8, 7, 7))
    assert agree(found["changed"]["reconstruction"], answer["reconstruction"])
    assert_painted(chrome, "changed", answer["reconstruction"])
    element(chrome, "reset").click()
    assert still(chrome)["changed"]["bottleneck"] == encoded


def test_a_point_of_the_latent_plane_is_decoded_where_the_mouse_and_the_arrow_keys_take_it(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    first = show("model=hesso/vae-2-all")
    assert_answers(site, first)
    assert first["plane"]["point"] == first["outputs"]["bottleneck"], "it begins at the image"
    drag(chrome, "plane", [(0.5, 0.5), (0.75, 0.3)])
    found = still(chrome)
    x, y = found["plane"]["point"]
    assert 1 < x < 2 and 0.5 < y < 2
    assert_decoded(chrome, site, found)
    element(chrome, "plane").send_keys("\ue014")  # the right arrow
    moved = still(chrome)
    assert moved["plane"]["point"] == pytest.approx([x + 0.1, y])
    assert_decoded(chrome, site, moved)
    element(chrome, "follow").click()
    assert still(chrome)["plane"]["point"] == first["outputs"]["bottleneck"]


def assert_decoded(chrome: Chrome, site: Path, found: State) -> None:
    answer = computed(site / found["model"] / "decoder.onnx", found["plane"]["point"], (1, 2))["reconstruction"]
    assert agree(found["plane"]["reconstruction"], answer)
    assert_painted(chrome, "decoded", answer)


def test_a_colour_model_takes_the_grey_values_of_a_colour_image(
    chrome: Chrome, site: Path, show: Callable[[str], State], tmp_path: Path
) -> None:
    assert show("model=maastricht/colour-1")["shapes"]["image"] == [1, 1, 32, 32]
    picture((64, 64), "#3366cc", "#ee5522").save(tmp_path / "colours.png")
    element(chrome, "file").send_keys(str(tmp_path / "colours.png"))
    waiting.WebDriverWait(chrome, 10).until(lambda _: element(chrome, "fit").text == "64×64 → 32×32, colour")
    found = still(chrome)
    ground = (0.299 * 0x33 + 0.587 * 0x66 + 0.114 * 0xCC) / 255
    assert found["input"][0] == pytest.approx(ground, abs=1e-6)
    expected = assert_answers(site, found)
    assert expected["reconstruction"].shape == (1, 3, 32, 32)
    assert_painted(chrome, "output", expected["reconstruction"])
    assert pixels(chrome, "own")[0, 0].tolist() == [0x33, 0x66, 0xCC]


def test_a_classifier_names_the_class_of_the_largest_logit(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    show("model=hesso/classifier")
    drag(chrome, "pad", SEVEN)
    logits = assert_answers(site, still(chrome))["logits"][0].astype(np.float64)
    chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    shown = [line.text.split("\n") for line in element(chrome, "classes").find_elements("tag name", "li")]
    assert [name for name, _ in shown] == list("0123456789")
    assert [float(share.removesuffix(" %")) for _, share in shown] == pytest.approx(100 * chances, abs=0.06)
    assert element(chrome, "best").text.split()[0] == str(logits.argmax())


def test_a_model_of_classes_is_asked_by_buttons(chrome: Chrome, site: Path, show: Callable[[str], State]) -> None:
    show("model=letters/latent")
    element(chrome, "cells").find_elements("tag name", "button")[4].click()
    found = still(chrome)
    assert found["input"] == [float(index == 4) for index in range(14)]
    assert_answers(site, found)


@pytest.mark.parametrize("name", ["purdue/conv", *MODELS])
def test_the_test_vectors_prove_every_graph_in_the_browser(
    chrome: Chrome, site: Path, show: Callable[[str], State], name: str
) -> None:
    show(f"model={name}&prove=1")
    proof = waiting.WebDriverWait(chrome, 30).until(lambda _: state(chrome)["proof"])
    graphs = json.loads((site / name / "test/vectors.json").read_text())["graphs"]
    wanted = {(graph, output) for graph, entry in graphs.items() for output in entry["outputs"]}
    assert {(line["graph"], line["output"]) for line in proof} == wanted
    assert all(line["ok"] and line["difference"] <= line["tolerance"] for line in proof)
    assert element(chrome, "proof-summary").text.startswith("ok: all")


def test_another_model_keeps_the_drawing_and_is_kept_in_the_url(
    chrome: Chrome, site: Path, show: Callable[[str], State]
) -> None:
    show("model=purdue/conv")
    drag(chrome, "pad", SEVEN)
    drawn = still(chrome)["input"]
    waiting.Select(element(chrome, "model")).select_by_value("hesso/classifier")
    waiting.WebDriverWait(chrome, 10).until(lambda _: "logits" in state(chrome)["outputs"])
    found = still(chrome)
    assert found["input"] == drawn
    assert_answers(site, found)
    assert chrome.current_url.endswith("?model=hesso/classifier")
    assert opened(chrome, chrome.current_url.split("kit/")[0], "model=nobody/none")["model"] != "nobody/none"
    assert "There is no model nobody/none in the index" in errors(chrome)


@pytest.mark.parametrize("file", ["model.onnx", "decoder.onnx", "test/image.f32", "card.json"])
def test_a_file_with_another_sha256_is_refused_in_a_sentence(
    chrome: Chrome, site: Path, tmp_path: Path, file: str
) -> None:
    shutil.copytree(site, tmp_path / "site", symlinks=True)
    broken = tmp_path / "site" / "purdue" / "conv" / file
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    with served(tmp_path / "site") as address:
        found = opened(chrome, address, "model=purdue/conv")
    assert (found["sha256"], found["outputs"]) == ("refused", {})
    assert errors(chrome).startswith(f"purdue/conv/{file} is not the ")
    assert "(another sha256), so it is refused" in errors(chrome)


def test_without_onnxruntime_the_page_says_which_command_brings_it(chrome: Chrome, site: Path, tmp_path: Path) -> None:
    shutil.copytree(site, tmp_path / "site", symlinks=True)
    (tmp_path / "site" / "kit" / "web" / "ort").unlink()
    with served(tmp_path / "site") as address:
        found = opened(chrome, address, "model=purdue/conv")
    assert "onnxruntime-web is missing" in errors(chrome)
    assert "aezoo export NAME --bundle DIR --kit" in errors(chrome)
    assert (found["sha256"], found["outputs"]) == ("ok", {})
    assert pixels(chrome, "clean").max() > 0, "the test image is shown all the same"


def test_without_an_index_the_page_says_how_to_make_one(chrome: Chrome, address: str) -> None:
    opened(chrome, address, "bundles=nowhere/")
    assert f"There is no index.json at {address}kit/web/nowhere/index.json" in errors(chrome)
    assert "aezoo export NAME --bundle DIR" in errors(chrome)


def test_nothing_leaves_this_machine_and_the_console_stays_silent(
    chrome: Chrome, address: str, show: Callable[[str], State]
) -> None:
    chrome.get("about:blank")
    for kind in ("performance", "browser"):
        chrome.get_log(kind)
    for name in ("purdue/conv", *MODELS):
        show(f"model={name}&prove=1")
    events = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert any(url.endswith("/ort/ort-wasm-simd-threaded.wasm") for url in asked)
    assert {url for url in asked if not url.startswith((address, "data:"))} == set()
    assert chrome.get_log("browser") == []
