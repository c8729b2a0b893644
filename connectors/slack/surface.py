"""All that Mentee touches of Slack, and the permission that each needs. The app manifest asks for this and no more."""

COMMAND = "/mentee"
COMMAND_SCOPE = "commands"  # message shortcuts come under it too

SHORTCUT = "mentee_correct"
RIGHT_SHORTCUT = "mentee_right"
WHY_SHORTCUT = "mentee_why"
SHORTCUTS = (SHORTCUT, RIGHT_SHORTCUT, WHY_SHORTCUT)

# Subscribed event → scope, None where none is needed. What stands behind the dot is the kind of channel, not part of
# the event's type.
EVENTS = {
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "app_uninstalled": None,
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "tokens_revoked": None,
}

# Web API method → scope of the bot token; None where any token will do.
METHODS = {
    "assistant.threads.setStatus": "assistant:write",
    "assistant.threads.setSuggestedPrompts": "assistant:write",
    "auth.test": None,
    "chat.appendStream": "chat:write",
    "chat.delete": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.startStream": "chat:write",
    "chat.stopStream": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "users.conversations": "channels:read",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "views.open": None,
    "views.publish": None,
}

# What users.conversations needs besides, for private channels and direct messages.
MORE_SCOPES = ("groups:read", "im:read")

# Called with the app-level token, whose scope is chosen where that token is made: no manifest holds it.
APP_LEVEL_METHODS = {"apps.connections.open": "connections:write"}

# Called with the app's own id and secret, when a workspace installs it.
OAUTH_METHODS = ("oauth.v2.access",)

SCOPES = frozenset(
    scope for scope in (*EVENTS.values(), *METHODS.values(), *MORE_SCOPES, COMMAND_SCOPE) if scope is not None
)
"""What a bot token needs."""
