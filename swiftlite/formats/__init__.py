"""Byte layouts: encoder and decoder of each side by side; bytes in, values out, no I/O."""
