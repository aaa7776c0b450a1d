"""Review before publication, on the wire."""

from marshmallow import fields, validate

from services.checkin.schemas.confirm_each import (
    ConfirmEachOfNodeSchema,
    ConfirmEachQuerySchema,
    ConfirmEachSchema,
    ConfirmEachSwitchesQuerySchema,
    ConfirmEachSwitchSchema,
)
from services.checkin.schemas.kinds import row_limit
from shared.fields import Instant, Paragraphs, Wire
from shared.principal import Role


class ReviewRulesQuerySchema(ConfirmEachQuerySchema):
    """Of which nodes."""


class ReviewRuleSchema(ConfirmEachSchema):
    """Whether activities are reviewed before they are published."""


class ReviewSwitchesQuerySchema(ConfirmEachSwitchesQuerySchema):
    """Of the caller's nodes."""


class ReviewRuleOfNodeSchema(ConfirmEachOfNodeSchema):
    """The same, with what the node is called."""


class ReviewSwitchSchema(ConfirmEachSwitchSchema):
    """On or off."""


class ReviewsQuerySchema(Wire):
    for_ = fields.String(
        data_key="for",
        load_default=Role.STAFF.value,
        validate=validate.OneOf([Role.STAFF.value, Role.ORGANIZER.value]),
        metadata={"description": "`staff`: what waits for the caller. `organizer`: also what was sent back"},
    )
    after = fields.UUID(metadata={"description": "The last activity of the page before"})
    limit = row_limit()


class ApprovalSchema(Wire):
    asked_at = Instant(required=True, metadata={"description": "Of the activity that was seen; changed since is 409"})


class SendingBackSchema(ApprovalSchema):
    reason = Paragraphs(length_max=500, required=True)
