"""How it is learned: batches, objectives, the loop, checkpoints, and the figures at the end."""
