"""Rounds of introductions: when they are due, what is worked out apart, what is published."""
