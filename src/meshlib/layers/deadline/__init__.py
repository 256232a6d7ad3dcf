"""The `deadline` layer."""
