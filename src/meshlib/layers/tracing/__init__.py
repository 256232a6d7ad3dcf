"""The `tracing` layer."""
