"""Who asks, and what they may.

rights      what may be done, and the roles that bundle it
keys        API keys; tokens: JWTs of an OIDC provider
door        finds out who asks: `Principal`
needs       what a route asks for, declared on it: `dependencies=[needs(Right.READ)]`
guard       stands before every route; one that declares nothing cannot be served
"""

from api.security.hosts import refuse_open_network
from api.security.needs import everybodys, needs
from api.security.principal import Principal, principal
from api.security.rights import Right

__all__ = ["Principal", "Right", "everybodys", "needs", "principal", "refuse_open_network"]
