"""AWS's clients: one per service, region and setting, with a time limit, without logging, their errors translated.

Settings are the SDK's own: profiles, roles, `AWS_*` variables, `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `AWS_ENDPOINT_URL_SSM`.
"""

import os
import threading
from collections.abc import Callable, Collection
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ir.adapters.stores import vendor_logging
from ir.adapters.stores.vendor_call import asked
from ir.clients import way_out
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import fingerprint
from ir.core.urls import in_the_clear, parse

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")
Service = Literal["secretsmanager", "ssm", "kms"]

_lock = threading.Lock()
_clients: dict[tuple[str, str, float, str], tuple[Any, str]] = {}
"""Each client with the address that it calls."""

_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "DecryptionFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_REJECTED = {
    "EncryptionFailure",
    "InvalidParameterException",
    "InvalidRequestException",
    "HierarchyLevelLimitExceededException",
    "InvalidAllowedPatternException",
    "InvalidKeyId",
    "LimitExceededException",
    "MalformedPolicyDocumentException",
    "ParameterLimitExceeded",
    "ParameterMaxVersionLimitExceeded",
    "ParameterPatternMismatchException",
    "UnsupportedParameterType",
    "ValidationException",
}
_NO_LOGIN = ("Credential", "Token", "SSO", "Profile", "Unauthorized", "ConfigParse")
_NO_ANSWER = ("Connect", "Timeout", "HTTPClient", "ConnectionClosed", "SSL", "Proxy", "ResponseStreaming", "IncompleteRead")


def client(region: str, timeout: float, plain: Collection[str] = ()) -> "SecretsManagerClient":
    """Secrets Manager in a region; `timeout` in seconds per call: one try and one repetition of half of it each.

    `plain` is the addresses of other machines that plain http is spoken with, as the inventory says.

    Raises:
        Denied: no usable profile.
        Rejected: the settings make no sense, or keys would go to another machine in the clear.
    """
    found: SecretsManagerClient = _shared("secretsmanager", region, timeout, plain)
    return found


def parameters(region: str, timeout: float, plain: Collection[str] = ()) -> Any:
    """Systems Manager's Parameter Store. Arguments and errors as in `client`."""
    return _shared("ssm", region, timeout, plain)


def kms(region: str, timeout: float) -> Any:
    """The Key Management Service; "" is the region of the settings. Errors as in `client`."""
    return _shared("kms", region, timeout)


def _shared(service: Service, region: str, timeout: float, plain: Collection[str] = ()) -> Any:
    # Building a client costs 0.2 s and is not thread-safe; using one is.
    settings = sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))
    key = (service, region, timeout, fingerprint(repr((settings, way_out.named()))))
    with _lock:
        if key not in _clients:
            _clients[key] = ask(lambda: _made(service, region, timeout), "the AWS settings")
        made, address = _clients[key]
    if in_the_clear(address) and address.rstrip("/") not in plain:
        raise Rejected(
            f"AWS's endpoint is {address}: keys would go to another machine in the clear",
            next_step=f"use https; or accept it in the inventory, `plain_http: [{address.rstrip('/')}]`",
        )
    return made


def _made(service: Service, region: str, timeout: float) -> tuple[object, str]:
    """A client and the address that it calls. The address is known only when the client is made, and so is the way there."""
    from botocore.session import Session

    session = Session()
    session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
    made = session.create_client(service, region_name=region or None, config=_config(timeout, {}), verify=_authority())
    address = str(made.meta.endpoint_url)
    proxy = way_out.proxy_for(parse(address))
    if proxy is not None:
        by = {"http": proxy.url, "https": proxy.url}
        made = session.create_client(service, region_name=region or None, config=_config(timeout, by), verify=_authority())
    for library in ("botocore", "urllib3"):
        vendor_logging.hush(library)
    return made, address


@cache
def _descriptions(path: str | None) -> Any:
    """What the SDK knows of AWS's services, read once for all clients of this process: reading it is most of making a client."""
    from botocore.loaders import create_loader

    return create_loader(path)


def _authority() -> str | None:
    """None: the authority that the SDK finds by `AWS_CA_BUNDLE` or in its profile, else its own."""
    return None if os.environ.get("AWS_CA_BUNDLE") else way_out.authority() or None


def _config(timeout: float, proxies: dict[str, str]) -> Any:
    from botocore.config import Config

    # All tries are idempotent: a put carries its token, a move of a label its expected holder; a parameter's tells its number.
    half = max(timeout / 2, 0.1)
    return Config(
        connect_timeout=half,
        read_timeout=half,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=64,
        user_agent_extra="ir",
        proxies=proxies,
    )


def ask(call: Callable[[], T], what: str) -> T:
    """Make one call about `what`. Raises Missing, Denied, Conflict, Rejected, Unknown; see `vendor_call`."""
    return asked(call, lambda error: _told(error, what))


def _told(error: Exception, what: str) -> PortError | None:
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return _refusal(error.response, what)
    if isinstance(error, BotoCoreError):
        return _breakdown(type(error).__name__, what)
    if isinstance(error, OSError):
        return Unknown(f"no answer about {what} ({type(error).__name__})")
    if isinstance(error, ValueError):  # an endpoint that is not a URL, or a region that is not a name
        return Rejected(f"the AWS settings make no sense for {what}")
    return None


def answer(found: Any, what: str, needed: str) -> Any:
    """An answer, after a check that it has the fields that AWS always sends.

    Raises:
        Unknown: it has not. A proxy's page or half an answer looks to the SDK like an answer with all fields left out.
    """
    if not isinstance(found, dict) or needed not in found:
        raise Unknown(f"what answered about {what} was not AWS, or not all of its answer arrived")
    return found


def _refusal(response: Any, what: str) -> PortError:
    code, meta = str(response.get("Error", {}).get("Code", "")), response.get("ResponseMetadata", {})
    status = int(meta.get("HTTPStatusCode", 0))
    # AWS names its errors and gives each answer an id; a bare status comes from something in between.
    if code.isdigit() and not meta.get("RequestId"):
        return Unknown(f"what answered about {what} was not AWS: a proxy, or something else in between (status {code})")
    if code in ("ResourceNotFoundException", "NotFoundException"):
        return Missing(f"AWS has no secret at {what}")
    if code in ("ParameterNotFound", "ParameterVersionNotFound"):
        return Missing(f"AWS does not have {what}")
    if code in _DENIED or status in (401, 403):
        return Denied(f"AWS denies access to {what} ({code})", next_step="check the credentials, the policy and the KMS key")
    if code == "ParameterAlreadyExists":
        return Conflict(f"{what} is there already")
    if code == "ResourceExistsException":
        return Conflict(f"AWS has another version under the same token at {what}")
    if code in _REJECTED:
        return Rejected(f"AWS refuses the request about {what} ({code})")
    return Unknown(f"AWS gave no usable answer about {what} ({code or status})")


def _breakdown(kind: str, what: str) -> PortError:
    if kind == "ProxyConnectionError":
        return Unknown(f"the proxy opens no way to AWS about {what}", next_step="check HTTPS_PROXY, NO_PROXY, its login and its rules")
    if kind == "SSLError":
        return Unknown(
            f"AWS's certificate could not be verified about {what}", next_step=f"AWS_CA_BUNDLE, or: {way_out.NAME_THE_AUTHORITY}"
        )
    if any(word in kind for word in _NO_ANSWER):
        return Unknown(f"AWS did not answer about {what} ({kind})")
    if any(word in kind for word in _NO_LOGIN):
        return Denied(f"there are no usable AWS credentials for {what} ({kind})", next_step="log in, or set AWS_PROFILE")
    if kind in ("ParamValidationError", "InvalidRegionError", "NoRegionError", "EndpointVariantError"):
        return Rejected(f"the SDK refuses the request about {what} ({kind})")
    return Unknown(f"the AWS SDK failed about {what} ({kind})")
