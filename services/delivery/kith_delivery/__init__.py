"""What leaves: webhooks to apps."""
