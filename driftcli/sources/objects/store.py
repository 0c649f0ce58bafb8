"""Which server an address means, with whose credentials, and what lies there under which name."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from driftcli.core.addresses import is_plain_elsewhere, is_web, scheme, shown
from driftcli.core.errors import UsageError
from driftcli.sources.objects.asking import sentence

_CLIENT = {
    "connect_timeout": timedelta(seconds=5),
    "timeout": timedelta(seconds=60),
    "user_agent": "driftcli",
}
_RETRY = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
}
"""The library's own tries, of one request; ours come on top, for bodies that break off too."""

_VARIABLES = ("AWS_", "GOOGLE_", "AZURE_")
_ENDPOINTS = frozenset(
    {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "GOOGLE_BASE_URL", "AZURE_STORAGE_ENDPOINT"}
)
_KEYS = (
    "AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)  # fmt: skip
"""Variables that obstore reads by itself."""


def library() -> Any:
    """The library that speaks to servers. Raises UsageError where the extra is not installed."""
    try:
        import obstore
        import obstore.store
    except ImportError as error:
        raise UsageError("reading from a server needs obstore", "pip install 'driftcli[remote]'") from error
    return obstore


def split(address: str) -> tuple[str, str]:
    """The store that an address belongs to, and the key in it: `s3://bucket`, `a/b.jpg`.

    A web address whose path is more than plain names (a signature, `//`) is a store of its own with the key "".
    """
    head, _, rest = address.partition("://")
    if not is_web(address):
        bucket, _, key = rest.partition("/")
        return f"{scheme(address)}://{bucket}", key
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no IPv6 address: the library says so too
        return address, ""
    key = unquote(parts.path.removeprefix("/"))
    if parts.query or not key or f"/{quote(key)}" != parts.path or "" in key.split("/"):
        return address.partition("#")[0], ""
    return f"{head}://{parts.netloc}", key


def store(root: str) -> Any:
    """The server behind the first half of `split`. Raises UsageError for an unusable address or a missing extra."""
    if is_plain_elsewhere(root):
        raise UsageError(
            f"{shown(root)!r}: plain http is read from this machine alone",
            "use https: on the way anybody could change what is read",
        )
    return _store(root, tuple(sorted(item for item in os.environ.items() if item[0].startswith(_VARIABLES))))


@lru_cache(maxsize=64)
def _store(root: str, variables: tuple[tuple[str, str], ...]) -> Any:
    """As `store`, for one state of the environment: connections are kept and used again."""
    found = library().store
    plain = root.startswith("http://") or any(
        name in _ENDPOINTS and value.startswith("http://") for name, value in variables
    )
    options: dict[str, Any] = {"client_options": {**_CLIENT, "allow_http": plain}, "retry_config": _RETRY}
    try:
        if is_web(root):
            return found.HTTPStore.from_url(root, **options)
        return found.from_url(root, **options, **(_profile() if scheme(root) == "s3" else {}))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"{shown(root)!r} cannot be opened: {sentence(error)}",
            "check the address, and the variables with credentials (AWS_..., GOOGLE_..., AZURE_...)",
        ) from error


def _profile() -> dict[str, Any]:
    """Credentials as the AWS command line finds them where no variable holds them: boto3 knows profiles and SSO."""
    profile = os.environ.get("AWS_PROFILE")
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        os.environ.get("AWS_CONFIG_FILE", "~/.aws/config"),
    )
    wanted = profile or any(os.path.exists(os.path.expanduser(file)) for file in files)
    if not wanted or any(os.environ.get(name) for name in _KEYS):
        return {}
    try:
        import boto3
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        if not profile:
            return {}
        raise UsageError(
            "AWS_PROFILE needs boto3",
            "pip install 'driftcli[s3]', or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ) from error
    session = boto3.Session()
    if session.get_credentials() is None:
        return {}
    region = session.region_name
    return {"credential_provider": Boto3CredentialProvider(session)} | ({"region": region} if region else {})
