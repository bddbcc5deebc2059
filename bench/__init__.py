"""Measures jobstream: its load generator, its scenarios, one table."""
