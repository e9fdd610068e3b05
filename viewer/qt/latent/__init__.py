"""The modes of the latent panel, one per module; the panel shows one of them at a time."""
