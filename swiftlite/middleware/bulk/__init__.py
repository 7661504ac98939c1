"""Many objects by one request: deletion of a list of names, extraction of an archive."""
