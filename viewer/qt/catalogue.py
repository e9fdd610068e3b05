"""What is said of each panel before it is made: tabs, menus, the palette and the sheet of keys need no more."""

from __future__ import annotations

from typing import NamedTuple


class About(NamedTuple):
    """A panel's title, one sentence that explains it to a newcomer, and its module in `viewer.qt.panels` and class."""

    title: str
    hint: str
    module: str
    kind: str


PANELS = {  # in the order of menus
    "reconstructions": About(
        "Reconstructions",
        "What goes into each network, what comes out, and the signed difference from what should have come out.",
        "reconstructions",
        "Reconstructions",
    ),
    "colour": About(
        "Colour",
        "What colours the networks give to grey photographs, how wrong they are, and whether grey would be nearer.",
        "colour",
        "Colour",
    ),
    "letters": About(
        "Letters",
        "Cyrillic letters in, Latin ones out: the strategies side by side, and what a classifier calls each letter.",
        "letters",
        "Letters",
    ),
    "noise": About(
        "Noise",
        "Add noise to the images and see, live, what each network makes of them, against a plain median filter.",
        "noise",
        "Noise",
    ),
    "draw": About(
        "Draw",
        "Draw, or paste a picture, and see live what every compared network makes of it.",
        "draw",
        "Draw",
    ),
    "bottleneck": About(
        "Bottleneck",
        "The values that the encoder squeezes each image into; change one and see what the decoder makes of it.",
        "bottleneck",
        "Bottleneck",
    ),
    "latent": About(
        "Latent plane",
        "Move about in the bottleneck: drag in the plane of a VAE, follow principal directions, blend and add images.",
        "latent",
        "Latent",
    ),
    "layers": About(
        "Layers",
        "The feature maps that any node inside the network makes of the chosen image.",
        "layers",
        "Layers",
    ),
    "time": About(
        "Time machine",
        "Scrub through the epochs of a training and see what the network made of its images in each.",
        "time_machine",
        "TimeMachine",
    ),
    "losses": About(
        "Losses",
        "Losses, their terms, learning rate and time by epoch, of every selected run.",
        "losses",
        "Losses",
    ),
    "trade_off": About(
        "Trade-off",
        "How many values the bottleneck has against the error, of all runs, and of principal components.",
        "trade_off",
        "TradeOff",
    ),
    "card": About(
        "Card",
        "What is known of the current run or graph, or of several side by side; the text can be copied.",
        "card",
        "CardPanel",
    ),
    "runs": About(
        "Runs",
        "Everything that was opened; what is selected here is shown in the other panels.",
        "runs",
        "Runs",
    ),
}
