"""Where the peers find their databases: environment variables, so that every process of a peer reads the same."""

import os

DATABASE = os.environ.get("PEER_DATABASE", "postgresql://127.0.0.1/peer")
REDIS = os.environ.get("PEER_REDIS", "redis://127.0.0.1:6379/0")
KAFKA = os.environ.get("PEER_KAFKA", "127.0.0.1:9092")


def database(driver: str) -> str:
    """The database's address as SQLAlchemy wants it."""
    return DATABASE.replace("postgresql://", f"postgresql+{driver}://", 1)
