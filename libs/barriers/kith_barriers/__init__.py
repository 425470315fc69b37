"""What a service knows of who is kept apart, as they said to identity."""
