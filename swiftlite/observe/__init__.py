"""What operators see: log lines, metrics, recon caches, transaction ids."""
