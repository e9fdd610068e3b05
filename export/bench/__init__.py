"""`aezoo bench graphs`: how fast an exported graph answers, beside torch."""
