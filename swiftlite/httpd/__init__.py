"""HTTP/1.1 served to WSGI apps: one task per connection, over the host's streams."""
