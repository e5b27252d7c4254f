"""The kinds of events and what they speak of, in the schema."""

from domain.events.model import AggregateType, EventKind
from graph.enums import register

__all__ = ["AggregateType", "EventKind"]

register(
    AggregateType,
    "What an event speaks of.",
    {
        AggregateType.ORDER: "An order.",
        AggregateType.STOCK_LEVEL: "The stock of a variant in a warehouse.",
        AggregateType.USER: "A user.",
        AggregateType.IMPORT: "An import of a file.",
        AggregateType.KEY: "A key that signs access tokens.",
    },
)

register(
    EventKind,
    "What happened.",
    {
        EventKind.ORDER_STATUS_CHANGED: "An order was placed or went from one state to another.",
        EventKind.ORDER_LINES_RETURNED: "A part of an order came back, and the rest did not.",
        EventKind.STOCK_CHANGED: "Units on hand or reserved changed; `payload` tells by which movement.",
        EventKind.STOCK_LOW: "The available units sank to the reorder point or below.",
        EventKind.REORDER_POINT_CHANGED: "A reorder point was set.",
        EventKind.USER_REGISTERED: "A user registered or was created.",
        EventKind.USER_SIGNED_IN: "A user or a machine signed in.",
        EventKind.TOKEN_REFRESHED: "A refresh token was traded for new tokens.",
        EventKind.TOKEN_REUSED: "A refresh token that was used up came again, which ended its session.",
        EventKind.TOKEN_REVOKED: "A token was taken back before its time.",
        EventKind.SESSIONS_REVOKED: "All sessions of a user were ended.",
        EventKind.PASSWORD_CHANGED: "A user chose another password.",
        EventKind.PASSWORD_RESET_REQUESTED: "Somebody asked for a mail to choose a new password by.",
        EventKind.PASSWORD_RESET: "A new password was chosen by a mail.",
        EventKind.ROLE_GRANTED: "A user was given a role.",
        EventKind.ROLE_REVOKED: "A role was taken from a user.",
        EventKind.IDENTITY_LINKED: "A user was linked with who they are at a provider of OpenID Connect.",
        EventKind.CLIENT_REGISTERED: "A machine was given a name and a secret to sign in with.",
        EventKind.CLIENT_REVOKED: "A machine may sign in no more.",
        EventKind.IMPORT_COMPLETED: "A file was imported.",
        EventKind.KEY_ROTATED: "An operator had a new key made, which signs access tokens from a minute later on.",
    },
)
