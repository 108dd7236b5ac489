"""Independent offline verifier for Keystead audit logs: Python's standard library and the openssl binary only."""
