"""The `breaker` layer."""
