"""Handlers: how they are declared, what they are given, and what becomes of their runs."""
