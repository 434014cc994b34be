"""Where keys are held. A new store is one module and one line here; nothing is imported until it is asked for."""

STORES = {
    "aws-sm": "ir.stores.aws_secrets_manager:AwsSecretsManagerStore",
    "vault": "ir.stores.vault:VaultStore",
    "conjur": "ir.stores.conjur:ConjurStore",
    "dotenv": "ir.stores.dotenv:DotenvStore",
    "command": "ir.stores.command:CommandStore",
    "env": "ir.stores.env:EnvStore",
    "manual": "ir.stores.manual:ManualStore",
    "escrow": "ir.stores.escrow:Escrow",
}

FINDERS = {
    "aws-sm": "ir.stores.find_aws:look",
    "vault": "ir.stores.find_vault:look",
    "dotenv": "ir.stores.find_dotenv:look",
}
"""What looks through a whole store for keys: `look(place) -> finds.Looked`."""

KEEPERS = {
    "aws-sm": "ir.stores.find_aws:keepers_of",
    "vault": "ir.stores.find_vault:keepers_of",
}
"""What tells who else writes one place: `keepers_of(ref) -> tuple[str, ...]`."""
