"""The `attempt` layer."""
