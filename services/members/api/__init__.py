"""Routes of the members service."""

from services.members.api.badges import badges
from services.members.api.claims import claims
from services.members.api.concerns import concerns
from services.members.api.departures import departures
from services.members.api.duplicates import duplicates
from services.members.api.erasures import erasures
from services.members.api.imports import imports
from services.members.api.internal import internal
from services.members.api.logins import logins
from services.members.api.newcomers import newcomers
from services.members.api.own_data import own_data
from services.members.api.people import people
from services.members.api.rights import rights
from services.members.api.tree import tree

BLUEPRINTS = (
    logins,
    claims,
    own_data,
    erasures,
    people,
    newcomers,
    badges,
    duplicates,
    departures,
    tree,
    rights,
    concerns,
    imports,
    internal,
)
