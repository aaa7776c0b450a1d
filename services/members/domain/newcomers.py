"""Somebody who is registered on the spot (现场登记): when the organizer must look twice first."""

from shared.errors import Conflict

LOOK_ALIKES_MAX = 100
"""So many people who may be meant are told, and may be said to be somebody else."""


class LooksAlike(Conflict):
    code = "looks_alike"
    detail = "本站已有同名、同音或同手机号的志愿者，请先看看是不是同一位"
