"""Calls for mentors, where too many wait."""
