"""The whole of Kith on one machine: embedded PostgreSQL and NATS, supervised services."""
