"""The page: a conversation with the bot, its lessons and its adapters. Knows nothing of other platforms."""
