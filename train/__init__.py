"""How it is learned: batches, objectives, the loop, checkpoints, and the figures at the end."""

import os

# Before torch is imported. Threads that wait for each other by spinning starve one another on a machine that has
# other work: two trainings on two cores were each 2.6 times as fast with this, one alone 3 % slower (purdue/conv).
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
