"""The pages: a module a topic, each with a blueprint called `pages`."""

from flask import Blueprint

from gateway.pages import arrive

BLUEPRINTS: tuple[Blueprint, ...] = (arrive.pages,)
"""Every module registers here, by hand."""
