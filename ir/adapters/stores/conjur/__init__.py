"""CyberArk Conjur."""
