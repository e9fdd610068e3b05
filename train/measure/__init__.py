"""What a run is worth: its metrics, those of the baselines, and the images that a generator makes."""
