"""What comparing models with migrations does not see, and what migrations wrote."""

from dataclasses import asdict

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.points.domain.rating import hash_of
from services.points.store import db
from services.points.store.settlement import list_rules
from shared.categories import NAMES
from shared.db import session


def test_checks_and_partial_indexes_are_there_too(points_app: Flask) -> None:
    with points_app.app_context(), db.engine.connect() as connection:
        checks = set(
            connection.execute(
                text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace")
            ).scalars()
        )
        wanted = {
            constraint.name
            for table in db.metadata.tables.values()
            for constraint in table.constraints
            if type(constraint).__name__ == "CheckConstraint"
        }
        assert wanted <= checks
        partial = set(
            connection.execute(
                text("SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '%% WHERE %%'")
            ).scalars()
        )
        assert {"ix_lot_open", "uq_transfer_reverses_kind"} <= partial


def test_a_rule_whose_points_live_less_than_thirty_days_is_never_written(town: Flask) -> None:
    with pytest.raises(IntegrityError, match="ck_rule_points_live_days"):
        session().execute(
            text(
                "INSERT INTO rule (id, category, version, from_day, body, hash) SELECT gen_random_uuid(), category, 2,"
                " from_day, body || '{\"points_live_days\": 29}', hash FROM rule LIMIT 1"
            )
        )
    session().rollback()


def test_the_default_rules_are_what_their_hash_says(points_app: Flask) -> None:
    with points_app.app_context(), db.engine.connect() as connection:
        hashes = {row.category: row.hash for row in connection.execute(text("SELECT category, hash FROM rule"))}
        with db.session() as tx:
            rules = [rule for versions in list_rules(tx).values() for rule in versions]
        assert set(hashes) == set(NAMES)
        assert hashes == {
            rule.category: hash_of(rule.category, rule.version, rule.from_day, asdict(rule.body)) for rule in rules
        }
