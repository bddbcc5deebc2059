"""``jobstream demo``: jobs of every example type through both doors, watched to their end."""
