"""`swiftlite doctor`: what is wrong here or in the cluster, why it matters, and what mends it."""
