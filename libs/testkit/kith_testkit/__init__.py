"""Real PostgreSQL and NATS for tests, actors and probes; never in an image."""
