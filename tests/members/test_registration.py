"""Registering by oneself."""

from tests.members.town import Town, new_phone


def test_who_registers_is_a_member_with_a_number_and_is_told_of(town: Town) -> None:
    town.register("欧阳娜娜", new_phone())
    fact = town.events("MemberChanged")[-1]
    assert fact["name_masked"] == "欧阳*娜"
    assert fact["version"] == 1
    assert fact["confirmed"] is False
