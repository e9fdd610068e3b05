"""Our engine beside what people would otherwise use: the same recipe, the same images, the same machine."""

NAMES = {
    "fused": "ours, fused",
    "torch": "ours, torch",
    "plain": "plain loop",
    "tensorflow": "Keras, TensorFlow",
    "jax": "Keras, JAX",
}
# Recipes that are written in Keras too.
CAN = (
    *("purdue/conv", "hesso/conv", "freiburg/lr-0.001", "purdue/dense", "maastricht/base", "maastricht/model-1"),
    *("maastricht/model-2", "maastricht/model-3", "maastricht/colour-1"),
)
DEFAULT = ("purdue/conv", "purdue/dense", "freiburg/lr-0.001", "maastricht/base")
