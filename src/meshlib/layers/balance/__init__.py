"""The `balance` layer."""
