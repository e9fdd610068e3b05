"""The worker process that opens files from anywhere, and the messages between it and the window; no Qt."""
