"""How it leaves torch: graphs, their cards, and the checks before a file is written."""
