"""``jobstream new``: files to start from."""
