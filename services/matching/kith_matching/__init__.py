"""Mentors, buddies and introductions."""
