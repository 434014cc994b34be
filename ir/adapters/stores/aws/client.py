"""AWS's clients: one per service, region and setting, bounded in time, quiet, their errors in our words.

Settings are the SDK's own: profiles, roles, `AWS_*` variables, `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
"""

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ir.adapters.stores import vendor_logging
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.secret import fingerprint

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

T = TypeVar("T")

_lock = threading.Lock()
_clients: dict[tuple[str, str, float, str], Any] = {}

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
    "LimitExceededException",
    "MalformedPolicyDocumentException",
    "ValidationException",
}
_NO_LOGIN = ("Credential", "Token", "SSO", "Profile", "Unauthorized", "ConfigParse")
_NO_ANSWER = ("Connect", "Timeout", "HTTPClient", "ConnectionClosed", "SSL", "Proxy", "ResponseStreaming", "IncompleteRead")


def client(region: str, timeout: float) -> "SecretsManagerClient":
    """Secrets Manager in a region; `timeout` in seconds per call: one try and one repetition of half of it each.

    Raises:
        Denied: no usable profile.
        Rejected: the settings make no sense.
    """
    found: SecretsManagerClient = _shared("secretsmanager", region, timeout)
    return found


def kms(region: str, timeout: float) -> Any:
    """The Key Management Service; "" is the region of the settings. Errors as in `client`."""
    return _shared("kms", region, timeout)


def _shared(service: Literal["secretsmanager", "kms"], region: str, timeout: float) -> Any:
    # Building a client costs 0.2 s and is not thread-safe; using one is.
    settings = sorted(item for item in os.environ.items() if item[0].startswith("AWS_"))
    key = (service, region, timeout, fingerprint(repr(settings)))
    with _lock:
        if key not in _clients:
            _clients[key] = ask(lambda: _made(service, region, timeout), "the AWS settings")
        return _clients[key]


def _made(service: Literal["secretsmanager", "kms"], region: str, timeout: float) -> object:
    from boto3.session import Session
    from botocore.config import Config

    # All tries are idempotent: a put carries its token, a move of a label its expected holder.
    half = max(timeout / 2, 0.1)
    config = Config(
        connect_timeout=half,
        read_timeout=half,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=64,
        user_agent_extra="ir",
    )
    made = Session().client(service, region_name=region or None, config=config)
    for library in ("botocore", "boto3", "urllib3"):
        vendor_logging.hush(library)
    return made


def ask(call: Callable[[], T], what: str) -> T:
    """Make one call; whatever the SDK raises becomes a leaf of ours that does not hold on to the SDK's.

    Args:
        call: the call.
        what: what it is about, for the error's text.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        failed = _refusal(str(error.response.get("Error", {}).get("Code", "")), _status(error.response), what)
    except BotoCoreError as error:
        failed = _breakdown(type(error).__name__, what)
    except OSError as error:
        failed = Unknown(f"no answer about {what} ({type(error).__name__})")
    except ValueError:  # An endpoint that is no URL, a region that is no name.
        failed = Rejected(f"the AWS settings make no sense for {what}")
    # Outside of the handlers: the SDK's exceptions hold requests, and must not become our context.
    raise failed


def answer(found: Any, what: str, needed: str) -> Any:
    """An answer, if it has what AWS always sends with it.

    Raises:
        Unknown: it has not: a proxy's page and half an answer look to the SDK like an answer in which everything is left out.
    """
    if not isinstance(found, dict) or needed not in found:
        raise Unknown(f"what answered about {what} was not AWS, or not all of its answer arrived")
    return found


def _status(response: object) -> int:
    meta = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    return int(meta.get("HTTPStatusCode", 0))


def _refusal(code: str, status: int, what: str) -> PortError:
    if code in ("ResourceNotFoundException", "NotFoundException"):
        return Missing(f"AWS has no secret at {what}")
    if code in _DENIED or status in (401, 403):
        return Denied(f"AWS denies access to {what} ({code})", next_step="check the credentials, the policy and the KMS key")
    if code == "ResourceExistsException":
        return Conflict(f"AWS has another version under the same token at {what}")
    if code in _REJECTED:
        return Rejected(f"AWS refuses the request about {what} ({code})")
    return Unknown(f"AWS gave no usable answer about {what} ({code or status})")


def _breakdown(kind: str, what: str) -> PortError:
    if any(word in kind for word in _NO_ANSWER):
        return Unknown(f"AWS did not answer about {what} ({kind})")
    if any(word in kind for word in _NO_LOGIN):
        return Denied(f"there are no usable AWS credentials for {what} ({kind})", next_step="log in, or set AWS_PROFILE")
    if kind in ("ParamValidationError", "InvalidRegionError", "NoRegionError", "EndpointVariantError"):
        return Rejected(f"the SDK refuses the request about {what} ({kind})")
    return Unknown(f"the AWS SDK failed about {what} ({kind})")
