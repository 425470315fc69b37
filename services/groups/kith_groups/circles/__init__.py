"""Groups and how they are formed."""
