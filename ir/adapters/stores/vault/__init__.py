"""HashiCorp Vault and OpenBao, KV versions 1 and 2."""
