"""Members, communities and trust."""
