"""The dispersion tools: objects and containers spread over the partitions, and how many of their
copies are where the rings want them."""
