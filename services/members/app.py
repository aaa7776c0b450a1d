"""The members service: who exists, where they belong, and who may come in."""

from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from services.members.api import BLUEPRINTS
from services.members.commands import administrators, hashing, roster
from services.members.commands.operator import OPERATOR
from services.members.store import db, keys
from shared import settings, spreadsheets, web
from shared.errors import HuzhuError
from shared.settings import ServiceSettings

ROWS_LEFT_OUT = 3
"""Exit status of an import that did not take some rows, or on a dry run would not; 1 is a refusal, 2 wrong usage."""


def create_app() -> Flask:
    app = web.create_service(ServiceSettings.from_environment("members"), db, BLUEPRINTS, title="互助 · 志愿者")
    keys.install(app, settings.secret("HUZHU_PHONE_KEY"))
    hashing.prepare()
    app.cli.add_command(first_admin_code)
    app.cli.add_command(import_roster)
    return app


@click.command("first-admin-code")
@with_appcontext
def first_admin_code() -> None:
    """Print a one-time code for the first administrator; fails once there is one."""
    try:
        made = administrators.make_first_code()
    except HuzhuError as refusal:
        raise click.ClickException(refusal.detail) from refusal
    click.echo(made.code)


@click.command("import-roster")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--station", help="编号或名称；不写就看“站点”列")
@click.option("--dry-run", is_flag=True, help="只检查，不导入")
@with_appcontext
def import_roster(file: Path, station: str | None, dry_run: bool) -> None:
    """Take over a station's roster from an XLSX, XLS or CSV file. Exits with 3 when bad rows were left out."""
    try:
        report = roster.import_roster(OPERATOR, spreadsheets.read_file(file), station=station, dry_run=dry_run)
    except HuzhuError as refusal:
        raise click.ClickException(refusal.detail) from refusal
    for problem in report.problems:
        click.echo(str(problem))
    for words, names in (
        ("没有读的页（一次只读一页，请另存为单独的文件再导入）", report.sheets_unread),
        ("不认识的列（没有读）", report.unknown_titles),
        ("本站已有同名的（请核对是不是同一个人），第几行", list(map(str, report.namesakes))),
        ("新的志愿服务队", report.teams_added),
        ("新的单位", report.employers_added),
    ):
        if names:
            click.echo(f"{words}：{'、'.join(names)}")
    bad = len({problem.row for problem in report.problems})
    done = "可以导入" if dry_run else "已导入"
    left_out = f"{bad} 行有问题，{'不能导入' if dry_run else '没有导入'}" if bad else "没有问题行"
    click.echo(f"共 {report.rows} 行：{done} {report.added} 人，已在册 {report.known} 人，{left_out}")
    if bad:
        click.get_current_context().exit(ROWS_LEFT_OUT)
