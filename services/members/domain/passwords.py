"""What a password must be, and how wrong ones are slowed down."""

from datetime import timedelta

from shared.errors import RuleBroken, TooMany, Unauthenticated

LENGTH_MIN = 8
LENGTH_MAX = 128
_COMMON = frozenset(
    {
        "12345678",
        "123456789",
        "1234567890",
        "88888888",
        "66666666",
        "00000000",
        "11111111",
        "12341234",
        "11223344",
        "87654321",
        "147258369",
        "123123123",
        "password",
        "password1",
        "qwertyui",
        "qwerty123",
        "abc12345",
        "a1234567",
        "1qaz2wsx",
        "iloveyou",
        "woaini1314",
        "5201314520",
        "abcd1234",
        "aa123456",
        "1234qwer",
        "q1w2e3r4",
    }
)

FREE_FAILURES = 5
"""For one phone from one network; for a one-time code, for one phone."""
PHONE_FREE_FAILURES = 200
"""For one phone from everywhere, within a day. One network alone, slowed down, comes to some 110."""
DELAY_MAX = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""Failures this long ago count no more."""

CODE_FAILURES_MAX = 1_000
"""Wrong ones sent while people have to wait, after which the right code has to wait too."""
CODE_LIFETIME = timedelta(hours=24)
CODE_LENGTH = 8
CODE_REPEATED_WITHIN = timedelta(minutes=10)
"""A used code that comes again so soon, with the password it set, is the same request sent twice."""


class WeakPassword(RuleBroken):
    code = "weak_password"
    detail = f"密码至少 {LENGTH_MIN} 位，不要用手机号，也不要太简单"


class WrongLogin(Unauthenticated):
    """The same words whether or not the phone is known."""

    code = "wrong_login"
    detail = "手机号或密码不对"


class WrongPassword(RuleBroken):
    """Of a login that is there, asked again in the middle of something."""

    code = "wrong_password"
    detail = "密码不对"


class WrongCode(Unauthenticated):
    """The same words for a wrong, used and expired code, and for an unknown phone."""

    code = "wrong_code"
    detail = "手机号或一次性验证码不对，或者验证码已失效，请联系站点工作人员"


class SlowDown(TooMany):
    code = "slow_down"
    detail = "尝试次数太多，请稍后再试"

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__()
        self.retry_after_s = max(1, round(retry_after.total_seconds()))


def check_password(password: str, phone: str) -> None:
    if len(password) < LENGTH_MIN or len(set(password)) < 3:
        raise WeakPassword
    if password.lower() in _COMMON or phone in password:
        raise WeakPassword


def delay_after(failures: int, free: int = FREE_FAILURES) -> timedelta:
    """How long to wait after so many failures in a row: nothing at first, then 2, 4, 8 … seconds."""
    if failures < free:
        return timedelta(0)
    return min(timedelta(seconds=2.0 ** min(failures - free + 1, 20)), DELAY_MAX)
