"""How a step is computed: batches, steps, the rewritten network, the probe for the fastest configuration."""
