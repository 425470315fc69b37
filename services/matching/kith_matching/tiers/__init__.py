"""Mentor tiers: earned by how pairings went, kept by a lower bar, lost only after a time of grace."""
