"""What one would use instead, each set up as its users do: measured by the same load, on the same machine, in one run.

These modules run in an environment of their own (the dependency group ``peers``) that has no jobstream in it;
only ``compare`` and ``stand`` run in ours.
"""
