"""`swiftlite-recon`: what the nodes of a cluster say of themselves, put together."""
