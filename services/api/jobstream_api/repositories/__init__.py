"""Persistence without decisions. Hot statements are .sql files beside their module."""
