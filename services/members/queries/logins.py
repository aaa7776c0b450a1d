"""What somebody agrees to who registers, and the tokens of a login."""

from typing import Any

from sqlalchemy import select

from services.members.domain.consents import TEXTS, Text
from services.members.store.models import Access
from shared import clock
from shared.db import session
from shared.principal import Principal


def list_consent_texts() -> list[Text]:
    return list(TEXTS.values())


def list_tokens(caller: Principal) -> list[dict[str, Any]]:
    """My API tokens that still work."""
    rows = session().execute(
        select(Access.id, Access.name, Access.created_at, Access.last_used_at, Access.expires_at)
        .where(
            Access.login_id == caller.login_id,
            Access.kind == "token",
            Access.revoked_at.is_(None),
            Access.expires_at > clock.now(),
        )
        .order_by(Access.id)
    )
    return [dict(row._mapping) for row in rows]
