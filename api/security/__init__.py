"""Who asks, and what they may: every route depends on `principal`."""

from api.security.principal import Principal, principal, refuse_open_network

__all__ = ["Principal", "principal", "refuse_open_network"]
