"""What the gateway needs to know to start."""

from dataclasses import dataclass

from shared import settings
from shared.settings import SERVICES

ISSUERS = (*SERVICES, "worker")
"""Who may call the internal listener, each with its own key."""

REQUESTS_PER_MINUTE_MAX = 1200


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    public_url: str
    redis_url: str
    signing_key: bytes
    cookie_secret: bytes
    service_urls: dict[str, str]
    public_keys: dict[str, bytes]
    proxy_hops: int
    """How many reverse proxies of our own stand in front: they wrote the last so many of X-Forwarded-For."""
    requests_per_minute_max: int
    """Of one login."""
    demo: bool

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us over TLS, so that cookies may be for TLS only."""
        return self.public_url.startswith("https://")

    @classmethod
    def from_environment(cls) -> "GatewaySettings":
        return cls(
            public_url=settings.get("PUBLIC_URL").rstrip("/"),
            redis_url=settings.store_url("REDIS_URL"),
            signing_key=settings.secret("HUZHU_GATEWAY_SIGNING_KEY"),
            cookie_secret=settings.secret("HUZHU_COOKIE_SECRET"),
            service_urls={name: settings.get(f"HUZHU_{name.upper()}_URL") for name in SERVICES},
            public_keys={name: settings.secret(f"HUZHU_{name.upper()}_PUBLIC_KEY") for name in ISSUERS},
            proxy_hops=_whole("HUZHU_PROXY_HOPS", 0),
            requests_per_minute_max=_whole("HUZHU_REQUESTS_PER_MINUTE", REQUESTS_PER_MINUTE_MAX),
            demo=settings.flag("HUZHU_DEMO"),
        )


def _whole(name: str, default: int) -> int:
    text = settings.find(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise settings.Misconfigured(f"{name} must be a whole number, not {text!r}")
    return int(text)
