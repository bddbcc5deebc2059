"""``jobstream bench``: the short form of the benchmark, against any cluster."""
