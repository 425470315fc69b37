"""Whether the community is well, and what helps."""
