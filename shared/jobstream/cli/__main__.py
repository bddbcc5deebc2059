"""``python -m jobstream.cli``."""

from jobstream.cli import main

if __name__ == "__main__":
    main()
