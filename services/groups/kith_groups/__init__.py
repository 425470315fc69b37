"""Circles, sessions and conversations."""
