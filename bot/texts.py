"""Every text that the bot says, in one catalogue. Fields are format strings; replace any of them to reword it."""

from dataclasses import dataclass


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
    # commands
    help: str = (
        "Ask me by mentioning me or in a direct message. Agents teach me with ✅, ❌ and ✏️ on my answers.\n"
        "`/mentee status` what I know and which adapter answers\n"
        "`/mentee why <answer>` what an answer was made of\n"
        "`/mentee adapters` all adapters · `/mentee retrain [--dry-run]` train a new one\n"
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
    run_learned: str = "Lessons it says by itself: {learned} learned, {not_yet} not yet."
    lesson_learned: str = "🎓 Learned in {adapter}: “{question}”"
    lesson_regressed: str = (
        "Adapter {adapter} has unlearned “{question}”. I go on giving the taught answer word for word."
    )
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
    status_learned: str = "Of {lessons} lessons that it was trained on, the adapter has learned {learned}."
    standing_learned: str = "The lesson was learned in {adapter}."
    standing_not_yet: str = "The lesson was trained on, but is not yet learned."
    standing_regressed: str = "The lesson was learned in {adapter}, and is unlearned in the present adapter."
    standing_untrained: str = "The present adapter was not trained on the lesson."
    standing_withdrawn: str = "The lesson was withdrawn."
    why: str = "“{question}” → {kind}, confidence {confidence:.2f}, adapter {adapter}, {latency_ms:.0f} ms. {sources}"
    base_model: str = "base model"


ENGLISH = Texts()
