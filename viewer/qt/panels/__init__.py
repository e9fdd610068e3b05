"""One panel per file: each shows the state and sends requests to the worker; none knows another."""
