"""The handlers that ship with the worker."""
