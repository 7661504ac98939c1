"""What this node knows of the whole cluster: swift.conf, the rings, and which devices are here."""
