"""The rules: states, transitions, retry policy. Pure, without I/O."""
