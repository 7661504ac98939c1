"""What account and container services share beside the databases themselves."""
