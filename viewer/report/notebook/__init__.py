"""A sheet as a notebook: its report in cells, with the networks' code, their training, and figures drawn anew."""
