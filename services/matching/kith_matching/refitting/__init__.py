"""What weights past pairings speak for."""
