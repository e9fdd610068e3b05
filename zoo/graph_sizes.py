"""At what sizes a graph is run here, what that takes, and how images go into it. The graph has passed the rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.card import METADATA_KEY
from zoo.errors import FileRefused
from zoo.graph_facts import MAX_BATCH, GraphFacts, Port, inputs_of, port_of
from zoo.image_ports import ImageInput, InputChoice, flat_image, image_inputs, with_plain_images
from zoo.shapes import Followed, follow

if TYPE_CHECKING:
    import onnx

MAX_RESULT_BYTES = 1 << 30  # of the results that live at once
MAX_RESULT_ELEMENTS = 1 << 32  # of all results
MAX_MULTIPLY_ADDS = 5 * 10**10
ANY_SIZE = 64  # what an axis without a size is taken for, but the first


def as_run(model: onnx.ModelProto, facts: GraphFacts, choice: InputChoice) -> tuple[GraphFacts, bool]:
    """Find the sizes at which a graph runs, what that takes, and how images go in; change the graph where it takes them
    otherwise than all others. Return its facts, and whether it was changed.
    """
    image, found = _sized(model, choice)
    once = _images_at_once(model, image, found)
    changed, notes = False, list[str]()
    if image is not None and METADATA_KEY not in facts.metadata:
        shapes = {port.name: found.shapes[port.name] for port in model.graph.output if port.name in found.shapes}
        changed = len(shapes) == len(model.graph.output) and with_plain_images(model, image, shapes, choice.pixels)
        notes = _notes(facts, image) if changed else []
        found = _checked(follow(model, _sizes(model, 1))) if changed else found
    if facts.is_random:
        notes.append("it draws random numbers, so it answers differently each time")
    ports = tuple(map(port_of, inputs_of(model)))
    batch = next((port.shape[0] for port in ports if port.shape), 1)
    per_image = batch if isinstance(batch, int) else 1
    facts = replace(
        facts,
        inputs=ports,
        outputs=tuple(_output(port, found, batch) for port in model.graph.output),
        multiply_adds=found.multiply_adds // per_image,
        images_at_once=once,
        takes_any_size=image is not None and image.chosen,
        notes=tuple(notes),
    )
    return facts, changed


def _sized(model: onnx.ModelProto, choice: InputChoice) -> tuple[ImageInput | None, Followed]:
    """Return how a graph takes images, None if it takes none, and what was found at that size."""
    inputs, refusal = inputs_of(model), None
    if len(inputs) == 1:
        sizes = tuple(size.dim_value or None for size in inputs[0].type.tensor_type.shape.dim)
        for image in image_inputs(sizes, choice):
            try:
                return image, _checked(follow(model, {inputs[0].name: image.own_shape(sizes[0] or 1)}))
            except FileRefused as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal
    found = _checked(follow(model, _sizes(model, 1)))
    flat = None
    if len(inputs) == 1 and len(sizes) == 2:
        outputs = [found.shapes[port.name] for port in model.graph.output if port.name in found.shapes]
        flat = flat_image(sizes[1], outputs)
    return flat, found


def _sizes(model: onnx.ModelProto, batch: int) -> dict[str, tuple[int, ...]]:
    """Return shapes for the inputs at a batch size, where they do not insist on others."""
    return {
        port.name: tuple(
            size.dim_value or (ANY_SIZE if axis else batch) for axis, size in enumerate(port.type.tensor_type.shape.dim)
        )
        for port in inputs_of(model)
    }


def _images_at_once(model: onnx.ModelProto, image: ImageInput | None, found: Followed) -> int:
    """Return how many images fit into memory together; one where the graph goes with no more."""
    inputs = inputs_of(model)
    if not inputs or any(
        port.type.tensor_type.shape.dim[:1] and port.type.tensor_type.shape.dim[0].dim_value for port in inputs
    ):
        return MAX_BATCH  # it says itself how many
    most = max(1, min(MAX_BATCH, MAX_RESULT_BYTES // max(1, found.peak_bytes)))
    if most > 1:
        sizes = {inputs[0].name: image.own_shape(most)} if image is not None else _sizes(model, most)
        try:
            if follow(model, sizes).peak_bytes > MAX_RESULT_BYTES:
                return 1
        except FileRefused:
            return 1
    return most


def _checked(found: Followed) -> Followed:
    """Raise FileRefused for a graph that takes more than a desktop machine has."""
    if found.peak_bytes > MAX_RESULT_BYTES:
        raise FileRefused(f"it would need {found.peak_bytes / 2**30:.1f} GiB at once for one image")
    if found.multiply_adds > MAX_MULTIPLY_ADDS:
        raise FileRefused(f"it would need {found.multiply_adds:.1e} multiplications for one image")
    if found.elements > MAX_RESULT_ELEMENTS:
        raise FileRefused(f"its results have {found.elements:.1e} values for one image")
    return found


def _notes(facts: GraphFacts, image: ImageInput) -> list[str]:
    """Say in what way a graph is run that takes images otherwise than all others."""
    (port,) = facts.own_inputs
    size = "×".join(map(str, image.shape))
    chosen = f"it takes any size; {image.shape[2]}×{image.shape[1]} was chosen" if image.chosen else ""
    unlike = image.layout != "NCHW" or port.dtype != "float32"
    return [
        *([chosen] if chosen else []),
        *([f"its images go in as {port.dtype} {image.layout}, {size}"] if unlike else []),
    ]


def _output(port: onnx.ValueInfoProto, found: Followed, batch: int | str) -> Port:
    """An output, with the sizes that were found; its first is the batch's where it goes with that."""
    own, sizes = port_of(port), found.shapes.get(port.name, ())
    if not sizes:
        return own
    first = own.shape[0] if own.shape else batch if sizes[0] == 1 else sizes[0]
    return replace(own, shape=(first, *sizes[1:]))
