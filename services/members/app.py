"""The members service: who exists, where they belong, and who may come in."""

import click
from flask import Flask

from services.members.api import BLUEPRINTS
from services.members.commands import administrators, hashing
from services.members.store import db, keys
from shared import settings, web
from shared.errors import HuzhuError
from shared.settings import ServiceSettings


def create_app() -> Flask:
    app = web.create_service(ServiceSettings.from_environment("members"), db, BLUEPRINTS, title="互助 · 志愿者")
    keys.install(app, settings.secret("HUZHU_PHONE_KEY"))
    hashing.prepare()
    app.cli.add_command(first_admin_code)
    return app


@click.command("first-admin-code")
def first_admin_code() -> None:
    """Print a one-time code for the first administrator; fails once there is one."""
    try:
        made = administrators.make_first_code()
    except HuzhuError as refusal:
        raise click.ClickException(refusal.detail) from refusal
    click.echo(made.code)
