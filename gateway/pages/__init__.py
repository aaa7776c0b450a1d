"""The pages: a module a topic, each with a blueprint called `pages`."""

from flask import Blueprint

from gateway.pages import (
    arrive,
    boards,
    choose,
    docs,
    gifts,
    home,
    login,
    me,
    records,
    register,
    scan,
    vouchers,
)

BLUEPRINTS: tuple[Blueprint, ...] = (
    arrive.pages,
    boards.pages,
    choose.pages,
    docs.pages,
    gifts.pages,
    home.pages,
    login.pages,
    me.pages,
    records.pages,
    register.pages,
    scan.pages,
    vouchers.pages,
)
"""Every module registers here, by hand."""
