"""JetStream in batches: what nats-py does message by message, done for many at once."""
