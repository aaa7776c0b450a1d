"""Volunteer numbers: eleven random digits and a check digit by ISO 7064 MOD 11,10.

This system finds every single wrong digit and nearly every swap of neighbours, 09 and 90 included,
where Luhn's would not, and its check digit is always a digit.
"""

RANDOM_DIGITS = 11
LENGTH = RANDOM_DIGITS + 1


def check_digit(digits: str) -> str:
    """The digit that completes a row of decimal digits."""
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def complete(digits: str) -> str:
    """A volunteer number out of its eleven random digits."""
    assert len(digits) == RANDOM_DIGITS
    return digits + check_digit(digits)


def is_volunteer_number(text: str) -> bool:
    return len(text) == LENGTH and text.isascii() and text.isdigit() and check_digit(text[:-1]) == text[-1]
