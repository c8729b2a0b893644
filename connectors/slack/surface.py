"""All that Mentee touches of Slack, and the permission that each needs. The app manifest asks for this and no more."""

COMMAND = "/mentee"
COMMAND_SCOPE = "commands"  # message shortcuts come under it too

SHORTCUT = "mentee_correct"

# Subscribed event → scope. What stands behind the dot is the kind of channel, not part of the event's type.
EVENTS = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}

# Web API method → scope of the bot token; None where any token will do.
METHODS = {
    "auth.test": None,
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "usergroups.users.list": "usergroups:read",
    "users.info": "users:read",
    "users.list": "users:read",
    "views.open": None,
}

# Called with the app-level token, whose scope is chosen where that token is made: no manifest holds it.
APP_LEVEL_METHODS = {"apps.connections.open": "connections:write"}
