"""Every text that the bot says, in one catalogue. Fields are format strings; replace any of them to reword it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Texts:
    # answers
    handoff: str = "I don't know this one for sure, so I'd rather not guess. A colleague will take it from here."
    clarify: str = "I want to be sure I understand. Did you mean one of these?"
    page_choice: str = "📖 {title}"
    none_of_these: str = "None of these"
    ask_me: str = "What would you like to know? Ask me in a sentence or two."
    welcome: str = "You're welcome. Ask me whenever there is something else."
    confirmed: str = "Confirmed by {by} on {date}"
    from_faq: str = "From the FAQ ({by}), {date}"
    sources: str = "Sources: {sources}"
    generated: str = "Written by the bot from the help pages"
    quoted: str = "Word for word from the help pages"
    paused: str = "I'm paused at the moment. A colleague will take it from here."
    busy: str = "More people are asking than I can answer right now. A colleague will take it from here."
    too_fast: str = (
        "That's more than {most} within a minute, more than I answer anybody. This one, and what else you ask until "
        "the minute is over, goes to a colleague as one list."
    )
    too_fast_command: str = (
        "That's more than {most} within a minute. Nothing was done; please try again a little later."
    )
    not_kept: str = "I can't write anything down at the moment, so this was not taken. Please try again in a minute."
    broke: str = "Something went wrong on my side while I was working on this. A colleague will take it from here."
    feedback_right: str = "Right"
    feedback_right_label: str = "Say that this answer is right"
    feedback_wrong: str = "Wrong"
    feedback_wrong_label: str = "Say that this answer is wrong"
    writing: str = "is looking it up…"
    loading: tuple[str, ...] = ("Looking for an answer…", "Reading the help pages…", "Checking it against the source…")
    still_writing: str = "Still writing. Not yet checked to the end."
    suggestions: str = "You might want to ask"
    home_title: str = "What I am and know"
    home_lessons: str = "What you have taught me"
    home_no_lessons: str = "Nothing yet. Correct an answer of mine with ✏️, and it stands here."
    home_review: str = "Waiting for review: /mentee accept ID, /mentee drop ID"
    home_adapters: str = "Adapters"
    home_settings: str = "Settings"
    home_settings_are: str = (
        'Taught answers are served from a probability of {known:.2f} (`MENTEE_KNOWN_FROM`); below, "did you mean" asks '
        "from {clarify:.2f} (`MENTEE_CLARIFY_FROM`), and from {offer:.2f} rather than handing off "
        "(`MENTEE_OFFER_FROM`). Help sections are used from a likeness of {grounded:.2f} (`MENTEE_GROUNDED_FROM`), and "
        "without asking which is meant where one is nearer by {clear:.2f} (`MENTEE_CLEAR_BY`).\n"
        "Every new question is answered in {channels} channels (`MENTEE_SUPPORT_CHANNELS`). Waiting hand-offs are "
        "called again after {remind:.0f} minutes (`MENTEE_HANDOFF_REMIND_MINUTES`, 0: never). Questions of one person "
        "in a minute: {asks} (`MENTEE_ASKS_A_MINUTE`, 0: no limit).\n"
        "A correction amends answers of {amend} days (`MENTEE_AMEND_DAYS`). Lessons are used at once from a trust of "
        "{trust:.2f} (`MENTEE_TRUST_FROM`), and {lessons} of one agent in an hour (`MENTEE_LESSONS_AN_HOUR`, 0: no "
        "limit).\n"
        "A new adapter answers {canary:.0%} at first (`MENTEE_CANARY_SHARE`), for {hours:.0f} hours at most "
        "(`MENTEE_CANARY_HOURS`). {sharing} (`MENTEE_WORKSPACES_SHARE`)\n"
        "To be changed here: whether I answer (`/mentee pause`, `/mentee resume`), which adapter does (`/mentee "
        "promote`, `/mentee rollback`), and which lessons I use (`/mentee accept`, `/mentee drop`). What stands in "
        "brackets is the operator's: it is changed in the .env file, and holds from the next start."
    )
    workspaces_share: str = "Workspaces share what they know."
    workspaces_apart: str = "Each workspace knows what was taught there, and what all share."
    # hand-offs
    handoff_question: str = "Question: {question}"
    handoff_also: str = "In the same minute: {questions}"
    handoff_tried: str = "Tried: {tried}"
    handoff_summary: str = "Summary: {summary}"
    handoff_first: str = "{name} asks, and nothing was said in this thread before."
    handoff_earlier: str = "{name} asks, after {count} earlier messages here. Last: “{last}”"
    handoff_open: str = "🔴 Open: nobody has taken it yet."
    handoff_claimed: str = "🟡 Taken by {name}, {time}."
    handoff_solved: str = "🟢 Solved by {name}, {time}."
    handoff_withdrawn: str = "⚪ The question was deleted or changed, {time}."
    claim_button: str = "I'll take it"
    solve_button: str = "Solved"
    already_claimed: str = "{name} has taken it already."
    already_solved: str = "{name} has solved it already."
    handoff_gone: str = "I don't find that hand-off any more. Nothing was changed."
    handoff_not_agent: str = "Only support agents can take a hand-off."
    reminder: str = "Nobody has taken this one yet, for {minutes:.0f} minutes: “{question}”"
    tried_no_fact: str = "no known answer is near"
    tried_fact: str = "the nearest known question is “{question}” ({percent:.0f} %)"
    tried_choices: str = "the known answers that I offered were not meant"
    tried_no_section: str = "no help page speaks of it"
    tried_section: str = "the nearest help page is “{title}”, not near enough"
    tried_unsupported: str = "nothing that I could write from “{title}” was borne out by it and fit to be said"
    undelivered: str = "my answer could not be posted"
    offer_learn: str = (
        "If that answers it, I can say it to the next who asks. "
        "Press the button, or choose “{menu}” in the menu of any reply here."
    )
    asked_directly: str = "{name} asks in a direct message. What an agent answers in this thread goes to them."
    passed_on: str = "I have passed your question on to them; their answer comes here."
    relayed: str = "{name}: {text}"
    not_relayed: str = "Your last words could not be delivered to whoever asked. Try to reach them another way."
    relay_closed: str = "This one is closed, so whoever asked didn't get that. Write to them directly."
    taken_for_you: str = "{name} has taken your question. What you write here goes to them until it is solved."
    solved_for_you: str = "{name} has marked your question as solved. From now on I answer here again."
    learn_button: str = "Learn this answer"
    right_answer_menu: str = "This is the right answer"
    why_menu: str = "Why this answer?"
    reply_gone: str = "That message is gone, or has no words. Nothing was changed."
    reply_hidden: str = (
        "I wasn't let read that message, so nothing was learnt. Try its menu (“{menu}”), or teach the answer with the "
        "form."
    )
    reply_asks: str = (
        "I took that message for a question, so it can't be its own answer. Mark the reply that answers it, or teach "
        "the answer with the form."
    )
    reply_opted_out: str = (
        "I learn nothing from that message: whoever wrote it has opted out. "
        "You can teach the answer with the form, in words of your own."
    )
    reply_by_bot: str = "That is a bot's message. Confirm an answer of mine with ✅, or correct it."
    reply_changed: str = (
        "The reply that I had learnt was changed by somebody who is no agent, so I don't use it any more. "
        "An agent can mark it again."
    )
    retracted_question: str = (
        "I learn nothing from that question: it was deleted, or whoever asked it has opted out. "
        "You can teach the answer with the form, in words of your own."
    )
    no_question_here: str = "Nobody has asked me anything in this thread, so I don't know which question that answers."
    # teaching
    offer: str = "You'd like to correct my answer. Open the form and write the right one."
    offer_rejected: str = (
        "Thanks, noted as wrong. If you know the right answer, teach it to me; or say in one click what was the matter."
    )
    ask_why: str = "Thanks, noted as wrong. What was the matter with it? One click helps."
    reason_wrong: str = "Wrong"
    reason_outdated: str = "Outdated"
    reason_incomplete: str = "Incomplete"
    reason_tone: str = "Tone"
    reason_other: str = "Something else"
    reason_noted: str = "Thank you, noted: {reason}."
    reason_without_rating: str = "That answer has no ❌ of yours any more, so there is nothing to note the reason with."
    offer_button: str = "Correct this answer"
    form_title: str = "Correct this answer"
    form_question: str = "The question"
    form_answer: str = "The right answer"
    form_left_out: str = "Too long to be shown here: write all of it, or say it in the thread and mark that as right."
    form_submit: str = "Teach"
    noted: str = "Noted, thank you {name}. From now on I answer “{question}” like this:\n> {answer}"
    noted_apart: str = "I had taken it for “{question}”, which keeps its own answer. Or has that one changed?"
    noted_apart_button: str = "It has changed"
    nothing_to_replace: str = "That correction is not in use any more, or has replaced my answer already."
    noted_approval: str = "Noted, thank you {name}: this answer is confirmed from now on."
    withdrawn: str = "Taken back: I no longer use that."
    too_long: str = (
        "An answer may have {limit:,} characters, yours has {length:,}. Please shorten it; nothing was changed."
    )
    empty_lesson: str = "A lesson needs a question and an answer; one of them was empty. Nothing was changed."
    loads_are_admins: str = (
        "Only admins see what was loaded, and load more. Where workspaces don't share what they know, the operator "
        "does."
    )
    unknown_answer: str = "I don't find that answer of mine any more. Nothing was changed."
    no_such_answer: str = (
        "I don't find an answer of mine there. Give the link of the message that holds it (“Copy link” in its menu), "
        "or the answer's id."
    )
    answer_rewritten: str = (
        "That answer of mine was rewritten just now, so your word on it would be about another text. Look at it again, "
        "please; nothing was changed."
    )
    not_agent: str = "Only support agents can teach me. Your agents are set up in the bot's settings (agents)."
    not_admin: str = "Only admins can use `{verb}`. Admins are set up in the bot's settings (admins)."
    not_verified: str = (
        "I couldn't find out just now who you are, so I can't tell whether you may do that. Please try again in a "
        "minute; nothing was changed."
    )
    for_all_workspaces: str = (
        "`{verb}` concerns all workspaces, and they don't share what they know here: the operator does it, or who is "
        "named in the bot's settings (admins)."
    )
    not_staff: str = "Only support agents and admins can use `{verb}`."
    # what was said before
    amended: str = "I answered “{question}” wrongly. {name} has corrected me, and my answer above is the right one now."
    amended_taken_back: str = (
        "I had corrected my answer to “{question}” above. That correction was taken back since, so please don't rely "
        "on it. Ask me again, or ask a colleague."
    )
    # lessons that are held
    held: str = (
        "Thank you {name}. I keep this lesson, but I don't use it yet: {reason} {who} (`{id}`)\n"
        "> {question}\n> {answer}"
    )
    set_aside: str = (
        "I had answered with what {name} taught me, and nobody had confirmed it:\n> {question}\n> {answer}\n"
        "As {by} answers otherwise, I don't use it any more. Put a ✅ here if it is right for its own question: `{id}`"
    )
    held_for_colleague: str = "It is used once a colleague puts a ✅ here or teaches the same, or an admin accepts it."
    held_for_admin: str = "An admin decides."
    held_burst: str = "that's more than {limit} within an hour."
    held_dropped: str = "an admin dropped this answer before."
    held_untrusted: str = "some earlier lessons had to be corrected, so a second person looks at new ones."
    held_newcomer: str = "a second person looks at the first lessons of everybody who is new to teaching me."
    held_same: str = "a lesson with this answer is waiting for review already."
    held_overrules: str = "a colleague whose lessons have proved right answers this otherwise."
    held_confirmed: str = (
        "colleagues agree on another answer, and that makes more than {limit} such answers changed within a day."
    )
    held_disputed: str = "you and a colleague have answered this in turn."
    held_unrelated: str = "it is also the answer to another question altogether."
    held_corrected: str = "a colleague answered otherwise where I had said it."
    held_line: str = "`{id}` {name}, {date}: {reason}\n> {question}\n> {answer}"
    noted_contradicts: str = "The help page “{title}” says otherwise: an admin looks at it before I train on it."
    doubt_line: str = (
        "`{id}` {name}, {date}: used, but not trained on, since the help page “{title}” says otherwise.\n"
        "> {question}\n> {answer}\n> “{title}”: {text}"
    )
    doubt_for_admin: str = "Only an admin can settle what contradicts a help page. Nothing was changed."
    confirmed_against: str = (
        "{by} confirmed your lesson on “{question}”, {name}, against the help page: I train on it, too."
    )
    doubted: str = "in use; the help page {page} has changed and no longer says it. Accept it, correct it, or drop it."
    held_more: str = "… and {count} more."
    nothing_held: str = "No lesson waits for review."
    unknown_held: str = "No lesson that waits for review goes by {id!r}. `/mentee review` lists them."
    unknown_lesson: str = (
        "No lesson goes by {id!r}, or it is a FAQ entry. `/mentee review` names those that wait, `/mentee blame` what "
        "an answer comes from."
    )
    not_enough: str = (
        "This waits for an admin, or for another colleague whose lessons proved right. Nothing was changed."
    )
    accepted: str = "{by} accepted your lesson, {name}: from now on I answer “{question}” like that."
    dropped: str = "{by} dropped your lesson on “{question}”, {name}. I don't use it."
    accepted_by_you: str = "Accepted: from now on I answer like that."
    dropped_by_you: str = "Dropped: I don't use it, nor the same again."
    dropped_to: str = "Before it, {name} taught “{answer}”: that is what I answer now."
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
        "Ask me by mentioning me or in a direct message. ✅ and ❌ on my answers tell me how good they are.\n"
        "`/mentee optout` nothing that you write is learnt from, and it is removed within a day · `/mentee optin`\n"
        "`/mentee help` this"
    )
    help_agents: str = (
        "You teach me with ✅, ❌ and ✏️ on my answers, and with the menu of every message.\n"
        "`/mentee status` what I know and which adapter answers · `/mentee adapters` all, and how a trial goes\n"
        "`/mentee why <answer>` what an answer was made of · `/mentee blame <answer>` who taught what led to it\n"
        "`/mentee review` lessons that wait for review · `/mentee accept <id>` · "
        "`/mentee login` a link to the page, for you alone"
    )
    help_admins: str = (
        "`/mentee drop <id>` never use a lesson again, whether it waits or is in use\n"
        "`/mentee retrain [--dry-run]` train a new adapter · `/mentee promote <adapter>` · `/mentee rollback`\n"
        "`/mentee pause` · `/mentee resume` · `/mentee settings` what is set, and where it is changed\n"
        "`/mentee forget <person> [--with-lessons]` remove what is kept of somebody, adapters included"
    )
    unknown_command: str = "I don't know the command {verb!r}. `/mentee help` shows what I understand."
    needs_argument: str = "`{verb}` needs {what}."
    needs_lesson: str = "an id"
    needs_adapter: str = "an adapter"
    needs_answer: str = "a link to one of my answers, or its id"
    needs_person: str = "a person: a mention, a name or an id"
    retrain_requested: str = (
        "Training a new adapter on {usable} facts ({new} new lessons), about {minutes:.0f} minutes."
    )
    retrain_running: str = "A retraining is already under way; I'll tell its outcome when it ends."
    retrain_refused: str = "I won't retrain now: {reasons}"
    plan: str = (
        "Dry run: {usable} facts can be trained on. New lessons: {new}, duplicates: {duplicates}, facts kept whole for "
        "judging: {held_out}, examples: {examples}; about {minutes:.0f} minutes."
    )
    plan_conflicts: str = (
        "Conflicts: lessons that contradict a help page or lost it: {against_pages}, questions with two answers: "
        "{two_answers}, lessons that wait for review (`/mentee review`): {waiting}. None of them is trained on."
    )
    plan_no_conflicts: str = "Conflicts: none."
    plan_personal: str = "Personal data in it: {replaced} (replaced by placeholders); in the clear: {clear}."
    plan_changing: str = (
        "Answers that the model wrote in {days} days: {written}. Expected to change: {count}, where a lesson says "
        "something else to the same question. Asked so again, memory says the lesson already; the adapter is to learn "
        "it.{untaught}"
    )
    plan_unchanged: str = (
        "Answers that the model wrote in {days} days: {written}; none is expected to change: no lesson says something "
        "else to the same question.{untaught}"
    )
    plan_untaught: str = " {count} more got a ❌, and nobody has taught what is right: a training does not change them."
    plan_changed: str = "• “{question}”"
    plan_kept_out: str = (
        "Lessons of workspaces that don't share what they know: {count}. Memory answers with them there, and nothing "
        "is trained on them."
    )
    plan_two_answers: str = "More than one fact answers each of these; where one is wrong, please drop it:"
    plan_suspected: str = (
        "Questions that look as if they had been given another question's answer: {count}. Adapters are not judged by "
        "them. Please look, and correct what is wrong:"
    )
    progress: str = "{stage}: {bar} {percent:.0f} %{eta}"
    eta: str = ", about {minutes:.0f} min left"
    run_promoted: str = "✅ Adapter {adapter} was promoted after {minutes:.1f} minutes: {reasons}"
    run_on_trial: str = (
        "✅ Adapter {adapter} passed after {minutes:.1f} minutes. It is on trial with {percent:.0f} % first: {reasons}"
    )
    run_learned: str = "Lessons it says by itself: {learned} learned, {not_yet} not yet."
    lesson_learned: str = "🎓 Learned in {adapter}: “{question}”"
    lesson_not_yet: str = (
        "Not yet learned in {adapter}: “{question}”. It was trained on it; I go on giving the taught answer word "
        "for word."
    )
    lesson_regressed: str = (
        "Adapter {adapter} has unlearned “{question}”. I go on giving the taught answer word for word."
    )
    run_rejected: str = "Adapter {adapter} was trained but not promoted: {reasons}"
    run_refused: str = "Nothing was trained: {reasons}"
    run_failed: str = "The training broke: {reasons} The live adapter goes on answering, and no lesson is lost."
    no_adapters: str = "No adapter has been trained yet; the base model answers."
    adapter_line: str = "{mark} {name} · {date} · {lessons} lessons · {base}"
    trial: str = (
        "{name} is on trial with {percent:.0f} % of what is written, since {since}: {bad} of {questions} were bad (❌, "
        "corrected, handed off, or not borne out), of the others {old_bad} of {old_questions}; evidence against it "
        "{evidence:.2g}, {limit:.0f} roll it back."
    )
    trial_silent: str = (
        "Asked silently what people then answered: of {asked} questions, both were right about {both}, neither about "
        "{neither}, {name} alone about {new}, the other alone about {old}. Not asked: {unsaid} whose help text lacks "
        "the answer, {dropped} for want of time."
    )
    trial_passed: str = "✅ The trial of {name} is over, and it answers everything from now on. {told}"
    trial_failed: str = "⚠️ Adapter {name} was rolled back: {serving} answers again. {reason}"
    trial_ended: str = "The trial of {name} has ended: {serving} answers."
    trial_failed_last: str = "The last trial that failed, {date}: {reason}"
    promoted: str = "{name} answers from now on."
    already_live: str = "{name} is answering already."
    unknown_adapter: str = "I know no adapter {name!r}. `/mentee adapters` lists them."
    foreign_adapter: str = (
        "{name} learned what was taught in {workspaces}, and workspaces don't share what they know: it may not answer."
    )
    rolled_back: str = "Rolled back: {name} answers from now on."
    nothing_to_roll_back: str = "The base model is answering; there is nothing to roll back to."
    is_paused: str = "Paused. I keep taking lessons, but I don't answer until `/mentee resume`."
    is_resumed: str = "I'm answering again."
    answering: str = "Answering"
    pausing: str = "Paused"
    nothing_counted: str = "none"
    status: str = (
        "{state}, adapter {adapter}. I know {facts} facts in {phrasings} phrasings and {sections} help sections. "
        "Lessons since the live adapter was trained: {lessons}. Answers so far: {answers}. "
        "Hand-offs: {handoffs}, {reminders} reminders sent. Reasons of ❌: {reasons}.{undelivered}"
    )
    status_undelivered: str = " {count} messages could not be posted and were given up."
    why: str = (
        "“{question}” → {kind}, confidence {confidence:.2f}, adapter {adapter}, {latency_ms:.0f} ms. {sources}{reasons}"
    )
    why_reasons: str = " Reasons of ❌: {reasons}."
    # down to what led to an answer
    source_correction: str = "a correction"
    source_approval: str = "✅ on a written answer"
    source_taught: str = "taught directly"
    source_reply: str = "a reply that was marked as right"
    source_faq: str = "FAQ"
    lesson_in_use: str = "in use"
    lesson_replaced: str = "replaced by a newer version"
    lesson_withdrawn: str = "taken back"
    lesson_held: str = "waits for review"
    lesson_dropped: str = "dropped by {by}"
    blame_said: str = "It comes from:"
    blame_versions: str = "Other versions of it:"
    blame_since: str = "Taught about this answer since:"
    blame_lesson: str = "• `{id}` of {name}, {date}, {source}, {state}: “{question}” → “{answer}”"
    blame_gone: str = "The lesson that it said is gone: somebody was forgotten, or it was kept long enough."
    blame_phrasing: str = "Of the wordings that it is known by, “{phrasing}” is nearest in words; it came with {by}."
    phrasing_by_rating: str = "a ✅ of {person}"
    phrasing_by_choice: str = "a click of {person}"
    blame_pages: str = "Written from:"
    blame_page: str = "• “{title}” in {file}, {state}"
    blame_page_gone: str = "• “{title}”, which isn't there any more, or reads otherwise now"
    blame_page_unnamed: str = "a help section"
    page_same: str = "as it was then"
    page_changed: str = "which has changed since"
    blame_adapter: str = (
        "Written by {line}, trained {date} on {base} with {lessons} lessons and FAQ entries. Taught by: {teachers}."
    )
    blame_promoted: str = "It answers since {date}."
    blame_hidden: str = "{count} of them are not shown: they are gone, or another workspace's."
    blame_nearest: str = "Of what it learned, this is nearest to the question in words:"
    blame_remedies: str = "What can be done:"
    remedy_correct: str = "Correct it: ✏️ on the answer, or “{menu}” in its menu. The newest version wins."
    remedy_drop: str = (
        "Withdraw the lesson: an admin types `/mentee drop {id}`. An adapter that learned it is trained anew without "
        "it the next time."
    )
    remedy_faq: str = "Change the entry in {file}, and load that again. A correction goes before it."
    remedy_page: str = "Change {file}, and load it again. A correction goes before every page."
    remedy_adapter: str = "Let the adapter before answer: an admin types `/mentee rollback`."
    # what Discord shows beside its commands, and beside what they take
    describe_mentee: str = "Ask about and steer the support bot"
    describe_help: str = "What the bot does, and how to teach it"
    describe_optout: str = "Nothing that you write is learnt from, and it is removed within a day"
    describe_optin: str = "What you write is kept and learnt from as everybody's"
    describe_status: str = "What the bot knows, and which adapter answers"
    describe_why: str = "What an answer was made of"
    describe_blame: str = "What led to an answer, who taught it, and what can be done"
    describe_adapters: str = "All adapters; the filled mark stands before the one that answers"
    describe_review: str = "Lessons that wait for review, and why"
    describe_accept: str = "Use a lesson that waits for review"
    describe_drop: str = "Never use a lesson again"
    describe_retrain: str = "Train a new adapter on what the agents have taught"
    describe_promote: str = "Let another adapter answer"
    describe_rollback: str = "Go back to the adapter before"
    describe_pause: str = "Stop answering; lessons are still taken"
    describe_resume: str = "Answer again"
    describe_settings: str = "What is set, and where it is changed"
    describe_login: str = "A link to the page, for you alone"
    describe_forget: str = "Remove what is kept of a person, adapters included"
    describe_answer: str = "The link of one of the bot's answers"
    describe_lesson: str = "Its id, as /mentee review or blame shows it"
    describe_dry_run: str = "Only say what would be trained"
    describe_adapter: str = "Its name, as v3"
    describe_person: str = "Who"
    describe_with_lessons: str = "Also what the person has taught"
    # signing in
    login_link: str = "Your link to the page, good for {minutes:.0f} minutes and for once: {link}"
    no_login: str = "There is nothing to sign in to from here. An operator sets the page's address (MENTEE_WEB_URL)."
    link_used: str = "That link was used already, or is too old. Type `/mentee login` for a new one."
    too_many: str = "Too many requests. Please wait a moment and try again."
    token_for_nothing: str = "A token needs a name, at least one scope, and a day or more to live."
    unknown_pass: str = "No token or session goes by {id!r}. `mentee token list` shows them."
    pass_line: str = "`{id}` {kind} of {name}, {scopes}, until {until} UTC"
    no_passes: str = "Nobody is signed in to the page, and there is no token."
    loaded: str = (
        "{name}: {sections} help sections and {entries} FAQ entries are new or other. {dropped} were dropped, "
        "{contradictions} of them since they contradict what is known; {to_review} pairs of conversations are to be "
        "reviewed. `mentee ingest --dropped` on the machine shows which and why."
    )
    not_loaded: str = "Nothing was loaded: {problem}"
    opted_out: str = (
        "Noted. I go on answering you, and nobody learns from what you write. I remove it within a day, and what is "
        "kept of you already, but for what a colleague still has to answer. `/mentee optin` takes this back; an admin "
        "can also forget you altogether."
    )
    opted_in: str = "Noted: what you write is kept and learnt from as everybody's."
    # forgetting
    forget_nobody: str = "I know nobody by that name or id; nothing was changed."
    forget_many: str = "That could be several people: {keys}. Name one of them by that key; nothing was changed."
    forget_stopped: str = "Somebody had to be forgotten while it ran; a new one was requested."
    nothing_removed: str = "nothing"
    forgot: str = "Forgotten. Removed: {removed}; {anonymised} entries stay without saying who. Certificate {id}."
    forgot_adapters: str = "{adapters} adapters had learned from it and were withdrawn; {serving} answers now."
    forgot_rebuild: str = "A new adapter was requested."
    forget_pending: str = "Files and deleted bytes go within a minute."
    forget_done: str = "{folders} adapter and run folders were removed, and the database scrubbed, at {at} UTC."
    forgot_backups: str = (
        "The keys of {backups} backups were destroyed, so that they can't be read any more, wherever they lie: make a "
        "new one."
    )
    forget_searched: str = "Searched {files} files in the data folder for the id afterwards: {hits} hits."
    withdrawn_adapter: str = "{name} learned from words that had to be erased; it can't answer any more."
    status_learned: str = "Of {lessons} lessons that it was trained on, the adapter has learned {learned}."
    standing_learned: str = "The lesson was learned in {adapter}."
    standing_not_yet: str = "The lesson was trained on, but is not yet learned."
    standing_regressed: str = "The lesson was learned in {adapter}, and is unlearned in the present adapter."
    standing_untrained: str = "The present adapter was not trained on the lesson."
    standing_withdrawn: str = "The lesson was withdrawn."
    status_on_trial: str = "{name} is on trial with a share of what is written: `/mentee adapters`."
    status_held: str = "{held} lessons wait for review: `/mentee review`."
    status_doubted: str = "{doubted} lessons are in use though their help page has changed: `/mentee review`."
    base_model: str = "base model"
    translations: Mapping[str, "Texts"] = field(default_factory=dict)
    """The same in other languages, by their codes: de, pt-br."""

    def in_language(self, language: str) -> "Texts":
        """For a tag as BCP 47 has it (de-CH): the translation, or these texts where there is none."""
        tag = language.lower()
        return self.translations.get(tag) or self.translations.get(tag.partition("-")[0], self)


ENGLISH = Texts()
