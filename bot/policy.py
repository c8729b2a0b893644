"""What an operator may decide about the bot's behaviour. Filled from the settings, in one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.access import Deed, Staff
from bot.events import Place
from bot.feedback import DEFAULT_EMOJI, Gesture, Lesson
from bot.ids import SHARED, Tenant
from bot.opening_hours import ALWAYS_OPEN, OpeningHours
from bot.people import Person, Platform
from bot.profile import is_of_another
from bot.style import Style
from bot.tenants import tenant_of


@dataclass(frozen=True, kw_only=True)
class Policy:
    staff: Staff = field(default_factory=Staff)
    support_channels: frozenset[str] = frozenset()
    """Channel ids in which every new question of a customer is answered."""
    agents_channels: Mapping[Platform | Tenant, Place] = field(default_factory=dict)
    """Where agents are shown what was asked in direct messages: those of a workspace, or of a platform. Without a
    workspace: the asker's."""
    separate: bool = False
    """Workspaces know what was taught there and what the operator gave to all; else they share what they know."""
    style: Style = field(default_factory=Style)
    """How the bot writes."""
    products: frozenset[str] = frozenset()
    """Names of products: what belongs to another one than the asker's is left out, where that is known."""
    channel_products: Mapping[str, str] = field(default_factory=dict)
    """The products that are spoken of in channels, by channel id; it goes before what is known of the asker."""
    emoji: Mapping[str, Gesture] = field(default_factory=lambda: DEFAULT_EMOJI)
    remind_after: timedelta = timedelta(minutes=30)
    """How long a hand-off may wait within the opening hours before the agents are called again; zero: never."""
    opening_hours: OpeningHours = ALWAYS_OPEN
    page_url: str = ""
    """Where people sign in to the page; empty where it asks nobody to."""
    asks_a_minute: int = 0
    """So many questions and commands of one person are worked off in a minute; admins are exempt. 0: no limit."""
    look_back: timedelta = timedelta(hours=24)
    """How far back the platforms' histories are searched for what was missed; zero: never."""
    amend_within: timedelta = timedelta(days=7)
    """How old an answer may be that an accepted correction amends; zero: none."""
    known_from: float = 0.9
    """Least calibrated probability at which a known answer is served; the aim is at most 5 % wrong of all served."""
    clarify_from: float = 0.5
    """Least probability that one of up to three known facts is meant at which "did you mean" is asked before anything
    is written."""
    offer_from: float = 0.1
    """The same, at which it is asked rather than handing off: a glance at three buttons costs less than an agent."""
    grounded_from: float = 0.45
    """Least similarity of a help section that an answer may be written from."""
    covered_from: float = 0.5
    """Least share of the question's content that the section must speak of: near in meaning is not enough."""
    clear_by: float = 0.05
    """By how much a help section must be nearer than any other one to be written from without asking which is meant."""
    supported_from: float = 0.8
    """Least share of a generated answer's content that its sources must contain."""
    trust_from: float = 0.5
    """Least lower bound of an agent's trust (`bot/trust.py`) at which what they teach is used at once. 0: everybody is
    believed, whatever they teach; above 0.47: the first lessons of everybody new wait for a colleague."""
    canary_share: float = 0.1
    """How much of the written answers is a promoted adapter's while it is on trial (`bot/trying.py`); 0: no trials."""
    canary_for: timedelta = timedelta(hours=24)
    """How long a trial lasts at most."""
    lessons_an_hour: int = 30
    """So many corrections, and as many ✅, are used of one agent in an hour; the rest waits. 0: no limit."""

    @property
    def marks(self) -> frozenset[str]:
        """The emoji that say of a person's reply that it is the right answer."""
        return frozenset(emoji for emoji, gesture in self.emoji.items() if gesture is Gesture.MARK)

    def may_mark(self, person: Person) -> bool:
        """Whether the person's mark counts. Nobody else's is a reason to read what somebody wrote."""
        return self.staff.may(person, Deed.TEACH)

    def product_of(self, place: Place) -> str:
        """The one that is spoken of in a channel; empty where it may be any."""
        return self.channel_products.get(place.channel, "")

    def belongs_elsewhere(self, lesson: Lesson, place: Place) -> bool:
        """True for what was taught of another product than the one that is spoken of in a channel."""
        return is_of_another(lesson.topic, self.product_of(place), self.products)

    def within(self, place: Place) -> Tenant | None:
        """Whose knowledge answers at a place; None: everybody's."""
        return tenant_of(place) if self.separate else None

    def shown(self, place: Place) -> Tenant | None:
        """Whose knowledge is listed and looked after at a place: on the operator's own page and terminal, everybody's.
        None: everybody's."""
        return self.within(place) or None

    @property
    def common(self) -> Tenant | None:
        """Whose lessons train what answers everywhere: those that all share. None: everybody's."""
        return SHARED if self.separate else None

    def agents_channel(self, asked_at: Place) -> Place | None:
        """Where a hand-off from a direct conversation is shown; None: where it was asked."""
        channels = self.agents_channels
        channel = channels.get(tenant_of(asked_at), channels.get(asked_at.platform))
        if channel is None or not asked_at.is_direct:
            return None
        return replace(channel, workspace=channel.workspace or asked_at.workspace)

    def is_among_agents(self, place: Place) -> bool:
        return any(
            (each.platform, each.channel) == (place.platform, place.channel) and each.workspace in ("", place.workspace)
            for each in self.agents_channels.values()
        )
