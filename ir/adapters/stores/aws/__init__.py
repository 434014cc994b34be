"""AWS: Secrets Manager, and Systems Manager Parameter Store."""
