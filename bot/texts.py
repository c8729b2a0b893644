"""Every text that the bot says, in one catalogue. Fields are format strings; replace any of them to reword it."""

from dataclasses import dataclass

MAX_QUOTED_CHARS = 300


@dataclass(frozen=True)
class Texts:
    # answers
    handoff: str = "I don't know this one for sure, so I'd rather not guess. A colleague will take it from here."
    clarify: str = "I want to be sure I understand. Did you mean one of these?"
    none_of_these: str = "None of these"
    ask_me: str = "What would you like to know? Ask me in a sentence or two."
    confirmed: str = "Confirmed by {by} on {date}"
    from_faq: str = "From the FAQ ({by}), {date}"
    sources: str = "Sources: {sources}"
    generated: str = "Written by the bot from the help pages"
    paused: str = "I'm paused at the moment. A colleague will take it from here."
    busy: str = "More people are asking than I can answer right now. A colleague will take it from here."
    broke: str = "Something went wrong on my side while I was working on this. A colleague will take it from here."
    # teaching
    offer: str = "You'd like to correct my answer. Open the form and write the right one."
    offer_rejected: str = "Thanks, noted as wrong. If you know the right answer, teach it to me."
    offer_button: str = "Correct this answer"
    form_title: str = "Correct this answer"
    form_question: str = "The question"
    form_answer: str = "The right answer"
    form_submit: str = "Teach"
    noted: str = "Noted, thank you {name}. From now on I answer “{question}” like this:\n> {answer}"
    noted_approval: str = "Noted, thank you {name}: this answer is confirmed from now on."
    withdrawn: str = "Taken back: I no longer use that."
    too_long: str = (
        "An answer may have {limit:,} characters, yours has {length:,}. Please shorten it; nothing was changed."
    )
    empty_lesson: str = "A lesson needs a question and an answer; one of them was empty. Nothing was changed."
    unknown_answer: str = "I don't find that answer of mine any more, so I can't attach a correction to it."
    not_agent: str = "Only support agents can teach me. Your agents are set up in the bot's settings (agents)."
    not_admin: str = "Only admins can use `{verb}`. Admins are set up in the bot's settings (admins)."
    not_staff: str = "Only support agents and admins can use `{verb}`."
    # lessons that are held
    held: str = (
        "Thank you {name}. I keep this lesson, but I don't use it yet: {reason} {who} (`{id}`)\n"
        "> {question}\n> {answer}"
    )
    held_for_colleague: str = "It is used once a colleague puts a ✅ here or teaches the same, or an admin accepts it."
    held_for_admin: str = "An admin decides."
    held_burst: str = "that's more than {limit} within an hour."
    held_dropped: str = "an admin dropped this answer before."
    held_untrusted: str = "some earlier lessons had to be corrected, so a second person looks at new ones."
    held_newcomer: str = "a second person looks at the first lessons of everybody who is new to teaching me."
    held_same: str = "a lesson with this answer is waiting for review already."
    held_overrules: str = "a colleague whose lessons have proved right answers this otherwise."
    held_disputed: str = "you and a colleague have answered this in turn."
    held_unrelated: str = "it is also the answer to another question altogether."
    held_line: str = "`{id}` {name}, {date}: {reason}\n> {question}\n> {answer}"
    held_more: str = "… and {count} more."
    nothing_held: str = "No lesson waits for review."
    unknown_held: str = "No lesson that waits for review goes by {id!r}. `/mentee review` lists them."
    not_enough: str = "This waits for an admin, or for a colleague whose lessons proved right. Nothing was changed."
    accepted: str = "{by} accepted your lesson, {name}: from now on I answer “{question}” like that."
    dropped: str = "{by} dropped your lesson on “{question}”, {name}. I don't use it."
    accepted_by_you: str = "Accepted: from now on I answer like that."
    dropped_by_you: str = "Dropped: I don't use it, nor the same again."
    not_learnt: str = "Noted, {name}, but I don't learn from it: {reason}"
    fell: str = (
        "Several of your lessons had to be corrected, {name}. The {count} that nobody else has confirmed wait for "
        "review; they are used again once a colleague or an admin agrees."
    )
    fell_admins: str = (
        "Several lessons of {name} had to be corrected. I don't use the {count} that nobody else has confirmed until "
        "they are reviewed: `/mentee review`."
    )
    # commands
    help: str = (
        "Ask me by mentioning me or in a direct message. Agents teach me with ✅, ❌ and ✏️ on my answers.\n"
        "`/mentee status` what I know and which adapter answers\n"
        "`/mentee why <answer>` what an answer was made of\n"
        "`/mentee adapters` all adapters · `/mentee retrain [--dry-run]` train a new one\n"
        "`/mentee review` lessons that wait for review · `/mentee accept <id>` · `/mentee drop <id>`\n"
        "`/mentee promote <adapter>` · `/mentee rollback` · `/mentee pause` · `/mentee resume`"
    )
    unknown_command: str = "I don't know the command {verb!r}. `/mentee help` shows what I understand."
    needs_argument: str = "`{verb}` needs {what}."
    retrain_requested: str = (
        "Training a new adapter on {usable} facts ({new} new lessons), about {minutes:.0f} minutes."
    )
    retrain_running: str = "A retraining is already under way; I'll tell its outcome when it ends."
    retrain_refused: str = "I won't retrain now: {reasons}"
    plan: str = (
        "Dry run: {usable} facts can be trained on, {new} lessons are new, {duplicates} duplicates, "
        "{held_out} facts are kept whole for judging; {examples} examples, about {minutes:.0f} minutes."
    )
    progress: str = "{stage}: {bar} {percent:.0f} %{eta}"
    eta: str = ", about {minutes:.0f} min left"
    run_promoted: str = "✅ Adapter {adapter} was promoted after {minutes:.1f} minutes: {reasons}"
    run_rejected: str = "Adapter {adapter} was trained but not promoted: {reasons}"
    run_refused: str = "Nothing was trained: {reasons}"
    run_failed: str = "The training broke: {reasons} The live adapter goes on answering, and no lesson is lost."
    no_adapters: str = "No adapter has been trained yet; the base model answers."
    adapter_line: str = "{mark} {name} · {date} · {lessons} lessons · {base}"
    promoted: str = "{name} answers from now on."
    already_live: str = "{name} is answering already."
    unknown_adapter: str = "I know no adapter {name!r}. `/mentee adapters` lists them."
    rolled_back: str = "Rolled back: {name} answers from now on."
    nothing_to_roll_back: str = "The base model is answering; there is nothing to roll back to."
    is_paused: str = "Paused. I keep taking lessons, but I don't answer until `/mentee resume`."
    is_resumed: str = "I'm answering again."
    status: str = (
        "{state}, adapter {adapter}. I know {facts} facts in {phrasings} phrasings and {sections} help sections. "
        "{lessons} lessons since the live adapter was trained. Answers so far: {answers}."
    )
    status_held: str = "{held} lessons wait for review: `/mentee review`."
    why: str = "“{question}” → {kind}, confidence {confidence:.2f}, adapter {adapter}, {latency_ms:.0f} ms. {sources}"
    base_model: str = "base model"


ENGLISH = Texts()


def quote(text: str) -> str:
    """On one line, and cut when it is long."""
    folded = " ".join(text.split())
    return folded if len(folded) <= MAX_QUOTED_CHARS else f"{folded[:MAX_QUOTED_CHARS]}…"
