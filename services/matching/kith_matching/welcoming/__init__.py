"""Newcomers, and who shows them around."""
