"""Members: oneself, the family, and those of one's stations."""

from typing import Any
from uuid import UUID

from services.members.commands import moves
from services.members.commands import people as commands
from services.members.queries import duplicates, names
from services.members.queries import people as queries
from services.members.schemas.consents import ConsentsSchema
from services.members.schemas.name_lists import (
    FullNameSchema,
    FullNamesSchema,
    NameListSchema,
    NameOnListSchema,
)
from services.members.schemas.people import (
    FamilyMemberSchema,
    FoundSchema,
    HouseholdSchema,
    LookUpSchema,
    MemberChangeSchema,
    MemberNewSchema,
    MemberPhoneSchema,
    MemberQuerySchema,
    MemberSchema,
    MemberWithActingSchema,
    MeSchema,
    PhoneSchema,
    PhonesQuerySchema,
    TakeInSchema,
)
from shared import web
from shared.principal import Role

people = web.Routes("people", __name__, url_prefix="/api/v1/members")


@people.route("/me", methods=["GET"])
@web.logged_in()
@people.response(200, MeSchema)
@people.refuses(401)
def show_me() -> dict[str, Any]:
    """My login, everybody it acts for, and my roles."""
    return queries.show_me(web.caller())


@people.route("/me/members", methods=["POST"])
@web.logged_in()
@people.arguments(FamilyMemberSchema)
@people.response(201, MemberSchema)
@people.refuses(401, 404, 409, 422)
def add_family(content: dict[str, Any]) -> dict[str, Any]:
    """Add somebody whom my login acts for."""
    return commands.add_family(web.caller(), **content)


@people.route("/me/members/<uuid:member_id>/consents", methods=["PUT"])
@web.logged_in()
@people.arguments(ConsentsSchema)
@people.response(200, MemberSchema)
@people.refuses(401, 403, 404, 422)
def set_consents(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Give or withdraw consents for me or somebody my login acts for."""
    return commands.set_consents(web.caller(), member_id, content["consents"])


@people.route("/members", methods=["GET"])
@web.logged_in()
@people.arguments(MemberQuerySchema, location="query")
@people.response(200, MemberSchema(many=True))
@people.refuses(401, 403, 404)
def list_members(query: dict[str, Any]) -> list[dict[str, Any]]:
    """By `ids`, masked where I may not see more; for organizers, by a whole `number` likewise, and members of
    their stations.
    """
    return queries.list_members(web.caller(), **query)


@people.route("/members", methods=["POST"])
@web.holding(Role.STAFF)
@people.arguments(MemberNewSchema)
@people.response(201, MemberSchema)
@people.refuses(401, 403, 404, 409, 422)
def add_member(content: dict[str, Any]) -> dict[str, Any]:
    """Add a member without a login."""
    return commands.add_member(web.caller(), content)


@people.route("/members/<uuid:member_id>", methods=["GET"])
@web.logged_in()
@people.response(200, MemberWithActingSchema)
@people.refuses(401, 404)
def show_member(member_id: UUID) -> dict[str, Any]:
    """A member of mine or of my stations."""
    return queries.show_member(web.caller(), member_id)


@people.route("/members/<uuid:member_id>", methods=["PATCH"])
@web.logged_in()
@people.arguments(MemberChangeSchema)
@people.response(200, MemberSchema)
@people.refuses(401, 403, 404, 409, 422)
def change_member(changes: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Change what is known of a member: staff everything, people themselves less once they are confirmed."""
    return commands.change(web.caller(), member_id, changes)


@people.route("/members/<uuid:member_id>/look-alikes", methods=["GET"])
@web.holding(Role.STAFF)
@people.response(200, MemberSchema(many=True))
@people.refuses(401, 403, 404)
def list_look_alikes(member_id: UUID) -> list[dict[str, Any]]:
    """Others of my stations with the same name and the same phone's tail, compound or birth date."""
    return duplicates.list_look_alikes(web.caller(), member_id)


@people.route("/members/<uuid:member_id>/confirm", methods=["POST"])
@web.holding(Role.STAFF)
@people.response(200, MemberSchema)
@people.refuses(401, 403, 404)
def confirm_member(member_id: UUID) -> dict[str, Any]:
    """Say that I have seen who this is."""
    return commands.confirm(web.caller(), member_id)


@people.route("/members/<uuid:member_id>/household", methods=["PUT"])
@web.holding(Role.STAFF)
@people.arguments(HouseholdSchema)
@people.response(200, MemberSchema)
@people.refuses(401, 403, 404)
def set_household(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Say with whom a member lives."""
    return commands.set_household(web.caller(), member_id, content["with_member_id"])


@people.route("/members/<uuid:member_id>/take-in", methods=["POST"])
@web.holding(Role.STAFF)
@people.arguments(TakeInSchema)
@people.response(200, MemberSchema)
@people.refuses(401, 403, 404, 422)
def take_in_member(content: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    """Make my station the home of somebody who has moved here and shows the volunteer number."""
    return moves.take_in(web.caller(), member_id=member_id, **content)


@people.route("/members/<uuid:member_id>/phone", methods=["GET"])
@web.logged_in()
@people.response(200, PhoneSchema)
@people.refuses(401, 404)
def show_phone(member_id: UUID) -> dict[str, Any]:
    """A phone number, for who must call; reading somebody else's is recorded."""
    return {"phone": commands.read_phone(web.caller(), member_id)}


@people.route("/look-ups", methods=["POST"])
@web.holding(Role.ORGANIZER)
@people.arguments(LookUpSchema)
@people.response(200, FoundSchema(many=True))
@people.refuses(401, 403, 404)
def look_up(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Who of a station is meant by these names and phones, as they stand on a list; nothing is kept."""
    return names.look_up(web.caller(), **content)


@people.route("/name-lists", methods=["POST"])
@web.holding(Role.ORGANIZER)
@people.arguments(NameListSchema)
@people.response(200, NameOnListSchema(many=True))
@people.refuses(401, 403, 404)
def list_names(content: dict[str, Any]) -> list[dict[str, Any]]:
    """By what these people are found on a list of a station's organizer; masked where I may not see more. By POST,
    since they are many; nothing is kept.
    """
    return names.list_names(web.caller(), **content)


@people.route("/full-names", methods=["POST"])
@web.holding(Role.STAFF)
@people.arguments(FullNamesSchema)
@people.response(200, FullNameSchema(many=True))
@people.refuses(401, 403)
def list_full_names(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Full names of members of my stations, for a batch that goes to another platform; each that I read is recorded by
    itself. Others are left out. By POST, since they are many.
    """
    return commands.read_full_names(web.caller(), **content)


@people.route("/phones", methods=["GET"])
@web.holding(Role.ORGANIZER)
@people.arguments(PhonesQuerySchema, location="query")
@people.response(200, MemberPhoneSchema(many=True))
@people.refuses(401, 403)
def list_phones(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Phone numbers of several whom I must call, or of a relative of who has none; each that I read is recorded by
    itself. Others are left out.
    """
    return commands.read_phones(web.caller(), query.get("ids") or [])
