"""The scenarios by which the whole path is judged, as their users would run them."""
