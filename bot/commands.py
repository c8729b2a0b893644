"""The admin verbs of `/mentee …`, once for all platforms. Every function runs inside one transaction."""

import re
import shlex
from dataclasses import dataclass
from functools import cached_property

from bot.access import COMMANDS, FOR_ALL, NEEDED, Deed, refusal
from bot.answers import PostedAnswer
from bot.blaming import Blaming
from bot.errors import AdapterBroken, AdminError, BadInput, NotAllowed, UnknownAdapter
from bot.events import CommandGiven, Place
from bot.forgetting import Forgetting
from bot.ids import AdapterId, RunId, new_id
from bot.letting_in import LINK_FOR, LettingIn
from bot.lineage import Adapter, Deployment, Move, RetrainPlan, Run, RunState, serving_stack, withdrawn
from bot.opting_out import opt
from bot.outgoing import Notice, Outgoing, ProgressPost
from bot.people import Person, Platform, Role
from bot.policy import Policy
from bot.ports import AdapterStore, Clock, Planner, Unit
from bot.retraining import describe_plan
from bot.reviewing import Reviewing, remember_admin
from bot.status import PAUSED, Status, describe_settings, describe_status, explain, name_of, status_of
from bot.tenants import tenant_of
from bot.texts import Texts
from bot.trying import BY_TRIAL, describe_trial, live_adapter, standing_of, trial_of


@dataclass(frozen=True)
class Commands:
    policy: Policy
    texts: Texts
    adapter_store: AdapterStore
    plan: Planner
    clock: Clock

    @cached_property
    def reviewing(self) -> Reviewing:
        return Reviewing(self.policy, self.texts)

    def needs_plan(self, event: CommandGiven) -> bool:
        """True for what has to be worked out before the transaction: it may take minutes."""
        verb, _ = _parse(event.text)
        return verb == "retrain" and self.policy.staff.may(event.person, Deed.RETRAIN)

    def run(self, unit: Unit, event: CommandGiven, plan: RetrainPlan | None = None) -> list[Outgoing]:
        """Do what was typed and tell the person, whatever came of it. `plan`: of what needs one."""
        verb, arguments = _parse(event.text)
        try:
            self.check_right(verb, event.person)
            self._remember(unit, event)
            return self._dispatch(unit, event, verb, arguments, plan)
        except (AdminError, NotAllowed, BadInput) as problem:
            return [_tell(event, str(problem))]

    def _remember(self, unit: Unit, event: CommandGiven) -> None:
        staff = self.policy.staff
        if staff.may(event.person, Deed.DECIDE):
            remember_admin(unit, event.person, event.place, self.policy.shown(event.place))
        if staff.may(event.person, Deed.PROMOTE):
            remember_admin(unit, event.person, event.place)

    def check_right(self, verb: str, person: Person) -> None:
        """Raises BadInput for a verb that doesn't exist, NotAllowed for a person who may not use it."""
        if verb not in COMMANDS:
            raise BadInput(self.texts.unknown_command.format(verb=verb))
        deed = Deed(verb)
        if self.policy.staff.role_of(person) >= NEEDED[deed] and not self.policy.staff.may(person, deed):
            raise NotAllowed(self.texts.for_all_workspaces.format(verb=verb))
        if not self.policy.staff.may(person, deed):
            text = self.texts.not_admin if NEEDED[deed] is Role.ADMIN else self.texts.not_staff
            raise NotAllowed(refusal(person, text.format(verb=verb), self.texts))

    def _dispatch(
        self, unit: Unit, event: CommandGiven, verb: str, arguments: list[str], plan: RetrainPlan | None
    ) -> list[Outgoing]:
        by = event.person.key
        unit = unit.within(None) if verb in FOR_ALL else unit
        match verb:
            case "retrain":
                assert plan is not None
                return self._retrain(unit, event, plan, dry_run="--dry-run" in arguments)
            case "status" | "why" | "blame" | "adapters" | "review" | "settings":
                return [_tell(event, self._show(unit, verb, arguments, event.place))]
            case "accept" | "drop":
                text, told = self.decide(
                    unit, verb, _only(arguments, self._needs(verb, self.texts.needs_lesson)), event.person, event.place
                )
                return [_tell(event, text), *told]
            case "promote":
                return [
                    _tell(
                        event,
                        self.promote(unit, _only(arguments, self._needs("promote", self.texts.needs_adapter)), by),
                    )
                ]
            case "rollback":
                return [_tell(event, self.rollback(unit, by))]
            case "login":
                return [self._login(unit, event)]
            case "forget":
                return [_tell(event, self._forget(unit, arguments, by))]
            case "optout" | "optin":
                opt(unit, by, out=verb == "optout")
                return [_tell(event, self.texts.opted_out if verb == "optout" else self.texts.opted_in)]
            case "pause" | "resume":
                return [_tell(event, self.set_paused(unit, verb == "pause", by))]
            case _:
                return [_tell(event, self.help_for(event.person))]

    def help_for(self, person: Person) -> str:
        """What somebody may do."""
        role, texts = self.policy.staff.role_of(person), self.texts
        lines = {Role.CUSTOMER: texts.help, Role.AGENT: texts.help_agents, Role.ADMIN: texts.help_admins}
        return "\n".join(text for needed, text in lines.items() if role >= needed)

    def _show(self, unit: Unit, verb: str, arguments: list[str], place: Place) -> str:
        match verb:
            case "status":
                return self.describe(self.status(unit))
            case "why":
                return self.explain(unit, self._answer_meant(unit, verb, arguments))
            case "blame":
                return self.blame(unit, self._answer_meant(unit, verb, arguments))
            case "settings":
                return self.settings
            case "adapters":
                return self.list_adapters(unit)
            case _:
                return self.reviewing.describe(unit, self.policy.shown(place))

    @property
    def forgetting(self) -> Forgetting:
        return Forgetting(self.texts, self.clock)

    # --- adapters ------------------------------------------------------------------------------------------------

    def live(self, unit: Unit) -> Adapter | None:
        """The adapter that answers now; None is the base model."""
        return live_adapter(unit.within(self.policy.common))

    def promote(self, unit: Unit, name: str, by: str, reason: str = "by hand") -> str:
        """Put an adapter live. Raises UnknownAdapter, or AdapterBroken when its files are not what they were."""
        adapter = unit.adapters.named(name)
        if adapter is None:
            raise UnknownAdapter(self.texts.unknown_adapter.format(name=name))
        if not adapter.may_answer(self.policy.common):
            raise UnknownAdapter(self.texts.foreign_adapter.format(name=name, workspaces=", ".join(adapter.tenants)))
        if (live := self.live(unit)) is not None and live.id == adapter.id:
            return self.texts.already_live.format(name=adapter.name)
        if adapter.id in withdrawn(unit.adapters.history()):
            raise AdapterBroken(self.texts.withdrawn_adapter.format(name=adapter.name))
        self.adapter_store.verify(adapter.id)
        unit.adapters.deploy(Deployment(Move.PROMOTE, adapter.id, by, self.clock(), reason))
        unit.audit.add(by, "promoted", adapter.name, self.clock())
        return self.texts.promoted.format(name=adapter.name)

    def rollback(self, unit: Unit, by: str, reason: str = "by hand") -> str:
        """Go back to what answered before the present adapter was promoted."""
        stack = serving_stack(unit.adapters.history())
        if (trial := trial_of(unit)) is not None:
            return self._end_trial(unit, trial, stack[-1], by, reason)
        common = unit.within(self.policy.common)
        usable = [i for i, each in enumerate(stack) if each is None or common.adapters.get(each) is not None]
        if len(usable) == 1:
            raise UnknownAdapter(self.texts.nothing_to_roll_back)
        target = stack[usable[-2]]
        if target is not None:
            self.adapter_store.verify(target)
        for _ in stack[usable[-2] + 1 :]:  # with those that nothing is answered with, since they learned elsewhere
            unit.adapters.deploy(Deployment(Move.ROLLBACK, target, by, self.clock(), reason))
        serving = self.name_of(self.live(unit))
        unit.audit.add(by, "rolled back to", serving, self.clock())
        return self.texts.rolled_back.format(name=serving)

    def _end_trial(self, unit: Unit, trial: Deployment, serving: AdapterId | None, by: str, reason: str) -> str:
        unit.adapters.deploy(Deployment(Move.ROLLBACK, serving, by, self.clock(), reason))
        tried = unit.adapters.get(trial.adapter) if trial.adapter is not None else None
        name = self.name_of(self.live(unit))
        unit.audit.add(by, "rolled back to", name, self.clock())
        return self.texts.trial_ended.format(name=self.name_of(tried), serving=name)

    def name_of(self, adapter: Adapter | None) -> str:
        return name_of(adapter, self.texts)

    def list_adapters(self, unit: Unit) -> str:
        live, trial = self.live(unit), trial_of(unit.within(self.policy.common))
        lines = [
            self.texts.adapter_line.format(
                mark="●" if adapter == live else "◐" if trial is not None and adapter.id == trial.adapter else "○",
                name=adapter.name,
                date=f"{adapter.created_at:%Y-%m-%d %H:%M}",
                lessons=len(adapter.lessons),
                base=adapter.base_model,
            )
            for adapter in unit.adapters.all()
        ]
        return "\n".join([*lines, *self.moves(unit)]) or self.texts.no_adapters

    def moves(self, unit: Unit) -> list[str]:
        """How the trial that is under way stands, and why the last one failed."""
        standing = standing_of(unit)
        told = [describe_trial(standing, self.texts)] if standing is not None else []
        failed = [each for each in unit.adapters.history() if (each.move, each.by) == (Move.ROLLBACK, BY_TRIAL)]
        if failed:
            date = f"{failed[-1].at:%Y-%m-%d %H:%M}"
            told.append(self.texts.trial_failed_last.format(date=date, reason=failed[-1].reason))
        return told

    # --- lessons that are held ------------------------------------------------------------------------------------

    def decide(self, unit: Unit, verb: str, id: str, by: Person, place: Place) -> tuple[str, list[Outgoing]]:
        """Accept or drop a held lesson: what whoever did is told, and the teacher. A workspace's own people decide of
        its own. Raises BadInput, NotAllowed."""
        of = self.policy.shown(place)
        if verb == "drop":
            return self.reviewing.drop(unit, id, by, self.clock(), of)
        return self.texts.accepted_by_you, self.reviewing.accept(unit, id, by, self.clock(), of)

    # --- training ------------------------------------------------------------------------------------------------

    def _retrain(self, unit: Unit, event: CommandGiven, plan: RetrainPlan, *, dry_run: bool) -> list[Outgoing]:
        if dry_run:
            return [_tell(event, self.describe_plan(plan))]
        if plan.refusals:
            return [_tell(event, self.texts.retrain_refused.format(reasons=" ".join(plan.refusals)))]
        if any(run.state is not RunState.DONE for run in unit.runs.latest()):
            return [_tell(event, self.texts.retrain_running)]
        run = self.request_run(unit, f"command:{event.id}", event.person, event.place)
        text = self.texts.retrain_requested.format(usable=plan.usable, new=plan.new, minutes=plan.minutes)
        return [ProgressPost(place=event.place, in_reply_to=event.id, run=run.id, text=text)]

    def request_run(self, unit: Unit, slot: str, person: Person, place: Place | None) -> Run:
        """Ask for a retraining. Whichever process trains takes it up; its outcome is told at `place`."""
        run = Run(
            id=RunId(new_id()), slot=slot, requested_by=person.key, requested_at=self.clock(), place=place
        )  # fmt: skip
        unit.runs.request(run)
        unit.audit.add(person.key, "requested a retraining", run.id, self.clock())
        return run

    def describe_plan(self, plan: RetrainPlan) -> str:
        return describe_plan(plan, self.texts)

    # --- people --------------------------------------------------------------------------------------------------

    def _forget(self, unit: Unit, arguments: list[str], by: str) -> str:
        with_lessons = "--with-lessons" in arguments
        rest = [word for word in arguments if word != "--with-lessons"]
        if not rest:
            raise BadInput(self._needs("forget", self.texts.needs_person))
        _, certificate = self.forgetting.forget(unit, " ".join(rest), by, with_lessons=with_lessons)
        return self.forgetting.describe(certificate)

    @property
    def letting_in(self) -> LettingIn:
        return LettingIn(self.policy.staff, self.texts)

    def _login(self, unit: Unit, event: CommandGiven) -> Notice:
        """A link for whoever asks, and for nobody else's eyes. Raises BadInput where there is nothing to sign in to."""
        if not self.policy.page_url or event.place.platform is Platform.WEB:
            raise BadInput(self.texts.no_login)
        secret = self.letting_in.link(unit, event.person, self.clock(), tenant_of(event.place))
        link = f"{self.policy.page_url.rstrip('/')}/enter?link={secret}"
        minutes = LINK_FOR.total_seconds() / 60
        text = self.texts.login_link.format(link=link, minutes=minutes)
        return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person, is_secret=True)

    # --- state ---------------------------------------------------------------------------------------------------

    def status(self, unit: Unit) -> Status:
        return status_of(unit, self.policy.common)

    def describe(self, status: Status) -> str:
        return describe_status(status, self.texts)

    def set_paused(self, unit: Unit, paused: bool, by: str) -> str:
        unit.audit.add(by, "paused" if paused else "resumed", "the bot", self.clock())
        unit.flags.set(PAUSED, "yes" if paused else "no")
        return self.texts.is_paused if paused else self.texts.is_resumed

    @property
    def settings(self) -> str:
        """What the operator has set, as far as it decides over answers and lessons, and where that may be changed."""
        return describe_settings(self.policy, self.texts)

    def _answer_meant(self, unit: Unit, verb: str, arguments: list[str]) -> PostedAnswer:
        return self.answer_at(unit, _only(arguments, self._needs(verb, self.texts.needs_answer)))

    def answer_at(self, unit: Unit, link: str) -> PostedAnswer:
        """The answer that a link leads to, or an id names. Raises BadInput."""
        posted = unit.answers.find(_message_id(link))
        if posted is None:
            raise BadInput(self.texts.no_such_answer)
        return posted

    def explain(self, unit: Unit, posted: PostedAnswer) -> str:
        """What an answer was made of."""
        return explain(unit, posted, self.texts, self.policy.common)

    def blame(self, unit: Unit, posted: PostedAnswer) -> str:
        """Down to what led to an answer."""
        return Blaming(self.texts, self.policy.common).describe(unit, posted)

    def _needs(self, verb: str, what: str) -> str:
        return self.texts.needs_argument.format(verb=verb, what=what)


def _parse(text: str) -> tuple[str, list[str]]:
    try:
        words = shlex.split(text)
    except ValueError:  # an unbalanced quotation mark
        words = text.split()
    return (words[0].lower(), words[1:]) if words else ("help", [])


def _message_id(link: str) -> str:
    """The id at the end of a message's link. Slack writes its 1712345678.000100 as p1712345678000100 there."""
    last = link.rstrip("/").rsplit("/", 1)[-1].split("?")[0]
    return f"{last[1:-6]}.{last[-6:]}" if re.fullmatch(r"p\d{16}", last) else last


def _only(arguments: list[str], otherwise: str) -> str:
    if len(arguments) != 1:
        raise BadInput(otherwise)
    return arguments[0]


def _tell(event: CommandGiven, text: str) -> Notice:
    return Notice(place=event.place, in_reply_to=event.id, text=text, to=event.person)
