"""What meshlib costs and saves, as paired ratios: both sides in one process, in turn, round after round."""
