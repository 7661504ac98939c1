"""Looking at every object of this node's devices, again and again, for what has gone bad."""
