"""The proxy: what clients talk to. Finds the nodes, asks them, and answers for all of them."""
