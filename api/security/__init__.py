"""Who asks, and what they may.

rights      what may be done, and the roles that bundle it
keys        API keys; `tokens`, JWTs of an OIDC provider; `custom`, whom a team's own code lets in; `tls`, certificates
door        finds out who asks: `Principal`
needs       what a route asks for, declared on it: `dependencies=[needs(Right.READ)]`
guard       stands before every route; one that declares nothing cannot be served
consent     what a team's own code says of each wish
hosts, bodies, rates    where from, in what form, how often one may ask
lasting, watch, owners  for how long: streams that end with the right to hear them, crons with their owner
command, keeping        `baton keys`
"""

from api.security.hosts import refuse_open_network
from api.security.needs import everybodys, needs
from api.security.principal import Principal, principal
from api.security.rights import Right

__all__ = ["Principal", "Right", "everybodys", "needs", "principal", "refuse_open_network"]
