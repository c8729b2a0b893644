"""What the core needs from outside, as small Protocols. Async stops here: connectors and generators are async,
storage is synchronous inside `Store.run`.
"""

from bot.ports.knowledge import Documents, Lessons, Teaching, Vectors
from bot.ports.learning import Adapters, Comparisons, Runs
from bot.ports.models import AdapterStore, Clock, Generator, IsRight, Knowledge, Library, PersonalData, Planner
from bot.ports.people import Audit, Installations, Passes, Persons
from bot.ports.platforms import Archive, Connector
from bot.ports.talk import Answers, Conversations, Handoffs, Inbox, Outbox, Ratings, Watermarks
from bot.ports.unit import Effect, Flags, Store, Unit

__all__ = [
    "AdapterStore",
    "Adapters",
    "Answers",
    "Archive",
    "Audit",
    "Clock",
    "Comparisons",
    "Connector",
    "Conversations",
    "Documents",
    "Effect",
    "Flags",
    "Generator",
    "Handoffs",
    "Inbox",
    "Installations",
    "IsRight",
    "Knowledge",
    "Lessons",
    "Library",
    "Outbox",
    "Passes",
    "PersonalData",
    "Persons",
    "Planner",
    "Ratings",
    "Runs",
    "Store",
    "Teaching",
    "Unit",
    "Vectors",
    "Watermarks",
]
