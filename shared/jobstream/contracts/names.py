"""Names that people choose: types, queues, keys, tags."""

import re

NAME_PATTERN = re.compile(r"^[a-z0-9_.-]{1,100}$")
"""What a job type or a queue may be called."""
