"""`aezoo bench view`: how fast an exported graph answers, beside torch."""
