"""Stores hold keys. A new store is one module and one line here; nothing is imported until it is asked for."""

STORES = {
    "aws-sm": "ir.adapters.stores.aws.secrets_manager:AwsSecretsManagerStore",
    "aws-ssm": "ir.adapters.stores.aws.parameter_store:AwsParameterStore",
    "gcp-sm": "ir.adapters.stores.gcp.secret_store:GcpSecretStore",
    "azure-kv": "ir.adapters.stores.azure.secret_store:AzureSecretStore",
    "vault": "ir.adapters.stores.vault.kv_store:VaultStore",
    "conjur": "ir.adapters.stores.conjur.store:ConjurStore",
    "k8s": "ir.adapters.stores.k8s.secret_store:K8sSecretStore",
    "vercel": "ir.adapters.stores.vercel.variable:VercelStore",
    "github-actions": "ir.adapters.stores.github.actions_secret:GithubActionsStore",
    "dotenv": "ir.adapters.stores.env.dotenv_store:DotenvStore",
    "command": "ir.adapters.stores.command:CommandStore",
    "env": "ir.adapters.stores.env.process_env:EnvStore",
    "manual": "ir.adapters.stores.manual:ManualStore",
    "escrow": "ir.adapters.stores.escrow.store:EncryptedEscrow",
}

FINDERS = {
    "aws-sm": "ir.adapters.stores.aws.search:look",
    "vault": "ir.adapters.stores.vault.search:look",
    "dotenv": "ir.adapters.stores.env.search:look",
}
"""Searches of a whole store for keys: `look(place) -> SearchResult`."""

LISTERS = {
    "aws-sm": "ir.adapters.stores.aws.listing:SecretsLister",
    "aws-ssm": "ir.adapters.stores.aws.listing:ParametersLister",
    "gcp-sm": "ir.adapters.stores.gcp.listing:GcpLister",
    "azure-kv": "ir.adapters.stores.azure.listing:AzureLister",
    "vault": "ir.adapters.stores.vault.listing:VaultLister",
    "conjur": "ir.adapters.stores.conjur.listing:ConjurLister",
    "k8s": "ir.adapters.stores.k8s.listing:K8sLister",
    "vercel": "ir.adapters.stores.vercel.listing:VercelLister",
    "github-actions": "ir.adapters.stores.github.listing:GithubLister",
    "dotenv": "ir.adapters.stores.env.listing:EnvFilesLister",
}
"""What tells the names of all that lies at a place: a `ports.Lister`."""

READERS = {
    "k8s": "ir.adapters.stores.k8s.workloads:readers",
}
"""What tells which programs read the places of a host: `readers(place, login=) -> (list[Reader], list[str])`."""

POLICIES = {
    "aws-sm": "ir.adapters.stores.aws.policy:IAM",
    "aws-ssm": "ir.adapters.stores.aws.parameter_policy:IAM",
    "gcp-sm": "ir.adapters.stores.gcp.policy:ROLE",
    "azure-kv": "ir.adapters.stores.azure.policy:ROLE",
    "vault": "ir.adapters.stores.vault.policy:HCL",
    "conjur": "ir.adapters.stores.conjur.policy:YAML",
    "k8s": "ir.adapters.stores.k8s.policy:RBAC",
    "vercel": "ir.adapters.stores.vercel.policy:REACH",
    "github-actions": "ir.adapters.stores.github.policy:PERMISSIONS",
}
"""The language of each vendor's access policies: a `ports.policy.PolicyLanguage`."""
