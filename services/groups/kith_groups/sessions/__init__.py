"""Meetings: who comes, who waits, who came."""
