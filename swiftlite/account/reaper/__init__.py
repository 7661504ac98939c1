"""The account reaper: what deleted accounts held is deleted after them."""
