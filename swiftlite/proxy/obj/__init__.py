"""Objects: verbs and policy kinds, which meet in kinds.py."""
