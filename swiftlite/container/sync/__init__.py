"""Container sync: which containers do, and where to."""
