"""A simulated host, and suites that any host must pass. For tests only; nothing else imports it."""
