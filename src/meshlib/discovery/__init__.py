"""Where a fleet keeps its addresses."""
