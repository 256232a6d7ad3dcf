"""The far side of a benchmark, in processes of its own: nginx, a server of ours that can be slow, Envoy."""
