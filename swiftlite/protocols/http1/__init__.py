"""HTTP/1.1 without I/O: heads, framing, chunks, and the rules of a connection."""
