"""The `retry` layer."""
