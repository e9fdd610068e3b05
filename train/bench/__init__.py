"""Our engine beside what people would otherwise use: the same recipe, the same images, the same machine."""

NAMES = ("aezoo", "plain", "keras")
CAN = ("purdue/conv", "purdue/dense", "freiburg/lr-0.001", "maastricht/base")  # those that are written in Keras too
