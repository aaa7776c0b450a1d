"""Who acts when somebody works on the machine itself: the command line and the demo's loader."""

from shared.principal import Grant, Kind, Principal, Role

OPERATOR = Principal(kind=Kind.SERVICE, audience="members", issuer="operator", grants=(Grant(Role.ADMINISTRATOR, "/"),))
