"""Whole stories: a customer asks, an agent teaches, an admin steers."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.feedback import Hold
from bot.ids import AdapterId, LessonId, RunId, new_id
from bot.lineage import Adapter
from bot.people import Platform
from bot.texts import ENGLISH, Texts
from tests.connectors.discord.stage import Stage, on_stage
from tests.connectors.discord.test_events import message_payload

QUESTION = "How do I get a refund for a class pass?"
PARAPHRASE = "a refund for my class pass"
HELP = "Refunds of a class pass are made by the front desk. Ask them for a refund."
RIGHT = "Open Sales, choose the class pass, then Refund."


async def grounded_answer(stage: Stage) -> Any:
    await stage.house.add_section("Refunds", "", HELP, "https://help.example/refunds")
    return await stage.ask(QUESTION)


async def test_a_mention_is_answered_with_a_reply_and_followed_up(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.teach(QUESTION, RIGHT)
        await stage.house.teach("Is there a fee for a refund?", "There is no fee.")

        answer = await stage.ask(QUESTION)
        assert answer.content.startswith(RIGHT)
        root = answer.reference.message_id

        await stage.customer.send(stage.channel, "is there a fee for a refund", reply_to=answer)
        further = await stage.heard()
        assert further.content.startswith("There is no fee.")
        assert further.reference.message_id == root

        await stage.agent.send(stage.channel, "Let me take over, is there a fee?", reply_to=further)
        assert (await stage.heard()).author.id == stage.agent.id


async def test_what_it_does_not_know_calls_the_agents(tmp_path: Path) -> None:
    async with on_stage(tmp_path, agents_mention="700000000000000001") as stage:
        answer = await stage.ask("Why is the sky blue?")

        assert answer.content.startswith(ENGLISH.handoff)
        assert answer.content.endswith("\n<@&700000000000000001>")


async def test_a_pencil_becomes_a_lesson_that_answers_the_next_question(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        wrong = await grounded_answer(stage)
        assert wrong.content.startswith("Refunds of a class pass are made by the front desk.")

        await stage.agent.react(wrong, "✏️")
        offer = await stage.heard()
        form = await stage.agent.click(offer, label=ENGLISH.offer_button)
        question, text = (label["component"] for label in form.modal["components"])
        assert question["value"] == QUESTION
        assert text["value"] == HELP

        await stage.agent.submit_modal(form, {"question": QUESTION, "text": RIGHT})
        receipt = await stage.heard()
        assert receipt.content == ENGLISH.noted.format(name="ann", question=QUESTION, answer=RIGHT)

        assert (await stage.ask(PARAPHRASE)).content.startswith(f"{RIGHT}\n-# Confirmed by ann on")


async def test_a_tick_confirms_an_answer_until_it_is_taken_away(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)

        await stage.agent.react(answer, "✅")
        assert (await stage.heard()).content == f"**ann**: {ENGLISH.noted_approval.format(name='ann')}"
        assert "Confirmed by ann" in (await stage.ask(QUESTION)).content

        await stage.agent.unreact(answer, "✅")
        assert (await stage.heard()).content == f"**ann**: {ENGLISH.withdrawn}"
        assert ENGLISH.generated in (await stage.ask(QUESTION)).content


async def test_a_customers_pencil_is_refused(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)

        await stage.customer.react(answer, "✏️")

        refusal = await stage.heard()
        assert refusal.content == f"**carl**: {ENGLISH.not_agent}"
        assert refusal.components == []


async def test_the_message_menu_corrects_in_one_step(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)

        form = await stage.agent.context_menu(stage.channel, ENGLISH.offer_button, answer)
        await stage.agent.submit_modal(form, {"question": QUESTION, "text": RIGHT})
        await stage.heard()

        assert (await stage.ask(PARAPHRASE)).content.startswith(RIGHT)


async def test_the_message_menu_tells_why_it_opens_no_form(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)
        chat = await stage.customer.send(stage.channel, "Just talking.")

        by_customer = await stage.customer.context_menu(stage.channel, ENGLISH.offer_button, answer)
        on_chat = await stage.agent.context_menu(stage.channel, ENGLISH.offer_button, chat)

        assert (by_customer.response.content, by_customer.response.ephemeral) == (ENGLISH.not_agent, True)
        assert (on_chat.response.content, on_chat.response.ephemeral) == (ENGLISH.unknown_answer, True)


async def test_buttons_work_after_a_restart(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.agent.react(await grounded_answer(stage), "❌")
        offer = await stage.heard()
        assert offer.content.endswith(ENGLISH.offer_rejected)

        await stage.restart()
        form = await stage.agent.click(offer, label=ENGLISH.offer_button)
        await stage.restart()
        await stage.agent.submit_modal(form, {"question": QUESTION, "text": RIGHT})
        await stage.heard()

        assert (await stage.ask(PARAPHRASE)).content.startswith(RIGHT)


@pytest.mark.parametrize(("label", "outcome"), [(QUESTION, RIGHT), (ENGLISH.none_of_these, ENGLISH.handoff)])
async def test_did_you_mean(tmp_path: Path, label: str, outcome: str) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.teach(QUESTION, RIGHT)
        asked = await stage.ask("Refund for the yoga class on Tuesday?")
        assert asked.content == ENGLISH.clarify

        await stage.customer.click(asked, label=label)

        answer = await stage.heard()
        assert answer.content.startswith(outcome)
        assert answer.reference.message_id == asked.reference.message_id


async def test_commands_answer_each_person_after_their_rights(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:

        async def said(person: Any, command: str, **options: Any) -> str:
            result = await person.slash(stage.channel, f"mentee {command}", **options)
            await stage.heard()
            assert result.response.ephemeral
            return str(result.response.content)

        assert (await said(stage.customer, "help")).startswith("Ask me by mentioning me")
        assert await said(stage.customer, "status") == ENGLISH.not_staff.format(verb="status")
        assert (await said(stage.agent, "status")).startswith("Answering, adapter base model.")
        assert await said(stage.agent, "retrain", dry_run=True) == ENGLISH.not_admin.format(verb="retrain")
        dry_run = await said(stage.admin, "retrain", dry_run=True)
        assert dry_run.startswith("Dry run: 40 facts")
        assert "none is expected to change" in dry_run
        assert await said(stage.agent, "settings") == ENGLISH.not_admin.format(verb="settings")
        assert (await said(stage.admin, "settings")).startswith("Taught answers are served from a probability of 0.90")
        assert stage.channel.history() == []


async def test_a_retraining_is_announced_in_the_channel(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        result = await stage.admin.slash(stage.channel, "mentee retrain")

        announced = await stage.heard()
        assert announced.content.startswith("Training a new adapter on 40 facts")
        assert result.response is None


async def test_why_takes_the_link_of_an_answer(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)

        result = await stage.agent.slash(stage.channel, "mentee why", answer=answer.jump_url)
        await stage.heard()

        assert result.response.content.startswith(f"“{QUESTION}” → grounded")


async def test_blame_leads_from_the_link_of_an_answer_to_who_taught_it(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        form = await stage.agent.context_menu(stage.channel, ENGLISH.offer_button, await grounded_answer(stage))
        await stage.agent.submit_modal(form, {"question": QUESTION, "text": "Yes, for 90 days."})
        await stage.heard()
        answer = await stage.ask(QUESTION)

        async def blame(person: Any) -> str:
            result = await person.slash(stage.channel, "mentee blame", answer=answer.jump_url)
            await stage.heard()
            assert result.response.ephemeral
            return str(result.response.content)

        assert await blame(stage.customer) == ENGLISH.not_staff.format(verb="blame")
        told = await blame(stage.agent)
        (lesson,) = await stage.house.desk.lessons()
        assert f"• `{lesson.id[-8:]}` of ann, " in told
        assert "“Yes, for 90 days.”" in told
        dropped = await stage.admin.slash(stage.channel, "mentee drop", lesson=lesson.id[-8:])
        await stage.heard()
        assert dropped.response.content == ENGLISH.dropped_by_you
        assert ENGLISH.generated in (await stage.ask(QUESTION)).content  # from the help page again


async def test_adapters_are_suggested_to_who_may_promote_them(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        adapter = Adapter(
            id=AdapterId(new_id()), number=1, run=RunId(new_id()), base_model="base", base_sha256="b",
            weights_sha256="w", dataset_sha256="d", lessons=(LessonId(new_id()),), recipe={},
            created_at=datetime(2026, 11, 1, tzinfo=UTC),
        )  # fmt: skip
        await stage.house.store.run(lambda unit: unit.adapters.add(adapter))

        suggested = await stage.admin.autocomplete(stage.channel, "mentee promote", "adapter", "v")
        to_customer = await stage.customer.autocomplete(stage.channel, "mentee promote", "adapter", "v")

        assert [choice["value"] for choice in suggested] == ["v1"]
        assert to_customer == []


async def test_without_the_message_content_intent_mentions_are_answered(tmp_path: Path) -> None:
    async with on_stage(tmp_path, message_content=False) as stage:
        await stage.house.teach(QUESTION, RIGHT)

        answer = await stage.ask(QUESTION)
        await stage.customer.send(stage.channel, "Talking to somebody else.")

        assert answer.content.startswith(RIGHT)
        assert len(stage.channel.history()) == 3


async def test_without_the_intent_replies_to_the_bot_and_menus_work_too(tmp_path: Path) -> None:
    async with on_stage(tmp_path, message_content=False) as stage:
        await stage.house.teach("Is there a fee for a refund?", "There is no fee.")
        answer = await stage.ask("Why is the sky blue?")

        await stage.customer.send(stage.channel, "is there a fee for a refund", reply_to=answer)
        assert (await stage.heard()).content.startswith("There is no fee.")

        unknown = await stage.ask("Why is the grass green?")
        reply = await stage.agent.send(stage.channel, RIGHT, reply_to=unknown)
        await stage.agent.context_menu(stage.channel, ENGLISH.right_answer_menu, reply)
        assert RIGHT in (await stage.heard()).content


@pytest.mark.parametrize(("locale", "said"), [(None, ENGLISH.handoff), ("de", "Das weiß ich nicht sicher.")])
async def test_a_servers_own_language_is_its_members(tmp_path: Path, locale: str | None, said: str) -> None:
    texts = replace(ENGLISH, translations={"de": Texts(handoff="Das weiß ich nicht sicher.")})
    async with on_stage(tmp_path, texts=texts, locale=locale) as stage:
        assert (await stage.ask("Why is the sky blue?")).content.startswith(said)


async def test_in_a_support_channel_every_new_question_of_a_customer_is_answered(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.teach(QUESTION, RIGHT)
        policy = stage.house.desk.routing.answering.policy
        forum = stage.env.guild.create_forum_channel("help")
        object.__setattr__(policy, "support_channels", frozenset({str(stage.channel.id), str(forum.id)}))
        asked = await stage.customer.send(stage.channel, QUESTION)
        answer = await stage.heard()
        assert (answer.content.splitlines()[0], answer.reference.message_id) == (RIGHT, asked.id)
        await stage.agent.send(stage.channel, QUESTION)
        assert (await stage.heard()).author.id == stage.agent.id

        native = stage.house.bot.connectors[Platform.DISCORD].client.get_channel(forum.id)  # type: ignore[attr-defined]
        post = await native.create_thread(name="Refunds", content="Opened by the bot, as simcord's people can't.")
        payload = message_payload(post.thread.id, post.thread.id, stage.env.guild.id, stage.customer)
        stage.env.backend.emit("MESSAGE_CREATE", payload | {"content": QUESTION})
        await stage.env.settle()
        thread = next(each for each in forum.threads if each.id == post.thread.id)
        assert (await stage.heard_in(thread)).content.startswith(RIGHT)


async def test_lessons_that_wait_are_suggested_to_agents(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        lesson = await stage.house.teach(QUESTION, RIGHT)
        await stage.house.store.run(lambda unit: unit.lessons.hold(lesson.id, Hold.UNRELATED, lesson.taught_at))

        suggested = await stage.agent.autocomplete(stage.channel, "mentee accept", "lesson", "refund")
        otherwise = await stage.agent.autocomplete(stage.channel, "mentee accept", "lesson", "parrots")
        to_customer = await stage.customer.autocomplete(stage.channel, "mentee accept", "lesson", "")

        assert [(choice["value"], choice["name"]) for choice in suggested] == [(lesson.id, f"the operator: {QUESTION}")]
        assert otherwise == to_customer == []


async def test_a_cross_asks_why_and_takes_one_click(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)
        await stage.customer.react(answer, "❌")
        asked = await stage.heard()
        assert asked.content == f"**carl**: {ENGLISH.ask_why}"

        pressed = await stage.customer.click(asked, label=ENGLISH.reason_outdated)
        await stage.heard()

        assert [each.content for each in pressed.followups] == [ENGLISH.reason_noted.format(reason="outdated")]
        assert (await stage.house.desk.status()).reasons == {"outdated": 1}


async def test_an_edited_question_is_answered_anew_in_the_same_message(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.teach(QUESTION, RIGHT)
        answer = await stage.ask("Why is the sky blue?")
        question = next(each for each in stage.channel.history() if each.id == answer.reference.message_id)

        await stage.customer.edit(question, f"{stage.bot} {QUESTION}")
        await stage.heard()

        now = next(each for each in stage.channel.history() if each.id == answer.id)
        assert now.content.startswith(RIGHT)
        assert now.components == []


async def test_a_deleted_question_takes_its_hand_off_back(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await stage.ask("Why is the sky blue?")
        question = next(each for each in stage.channel.history() if each.id == answer.reference.message_id)

        await stage.customer.delete(question)
        await stage.heard()

        now = next(each for each in stage.channel.history() if each.id == answer.id)
        assert "⚪ The question was deleted" in now.content


async def test_the_message_menu_tells_why(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        answer = await grounded_answer(stage)

        told = await stage.agent.context_menu(stage.channel, ENGLISH.why_menu, answer)
        refused = await stage.customer.context_menu(stage.channel, ENGLISH.why_menu, answer)
        await stage.heard()

        assert told.response.content.startswith(f"“{QUESTION}” → grounded")
        assert refused.response.content == ENGLISH.not_staff.format(verb="why")


async def test_a_rating_that_a_moderator_clears_counts_no_more(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.house.desk.teach("How do I pay?", "By card.")
        answer = await stage.ask("How do I pay?")
        await stage.agent.react(answer, "❌")
        await stage.heard()
        posted = await stage.house.store.run(lambda unit: unit.answers.find(str(answer.id)))
        assert posted is not None
        assert len(await stage.house.store.run(lambda unit: unit.ratings.of(posted.answer.id))) == 1

        stage.env.backend.clear_reactions(stage.channel.id, answer.id)
        await stage.env.settle()
        await stage.heard()

        assert await stage.house.store.run(lambda unit: unit.ratings.of(posted.answer.id)) == []
