"""The pages: a module a topic, each with a blueprint called `pages`."""

from flask import Blueprint

from gateway.pages import (
    arrive,
    audit,
    boards,
    choose,
    codes,
    confirm,
    desk,
    docs,
    gifts,
    grants,
    home,
    login,
    me,
    organize,
    records,
    register,
    scan,
    staff,
    stock,
    stuck,
    tokens,
    vouchers,
)

BLUEPRINTS: tuple[Blueprint, ...] = (
    arrive.pages,
    audit.pages,
    boards.pages,
    choose.pages,
    codes.pages,
    confirm.pages,
    desk.pages,
    docs.pages,
    gifts.pages,
    grants.pages,
    home.pages,
    login.pages,
    me.pages,
    organize.pages,
    records.pages,
    register.pages,
    scan.pages,
    staff.pages,
    stock.pages,
    stuck.pages,
    tokens.pages,
    vouchers.pages,
)
"""Every module registers here, by hand."""
