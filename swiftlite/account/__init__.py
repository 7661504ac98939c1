"""Accounts: the server that keeps their databases."""
