"""The conversation over a whole bot: what is posted takes effect, and is shown."""

import re
from uuid import UUID, uuid4

import pytest

from bot.events import Place
from bot.texts import ENGLISH
from connectors.web.connector import MAX_BODY_BYTES
from connectors.web.parsing import place_of
from tests.connectors.web.conftest import CONVERSATION_ID, Site

PLACE: Place = place_of(UUID(CONVERSATION_ID))


def answers_in(html: str) -> list[str]:
    return re.findall(r'data-answer="([^"]+)"', html)


def messages_in(html: str) -> list[str]:
    return re.findall(r'data-message="([^"]+)"', html)


async def test_it_says_that_it_is_alive(site: Site) -> None:
    response = await site.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"ok": True})


async def test_a_taught_answer_comes_with_who_confirmed_it(site: Site) -> None:
    await site.house.teach("How do I reset my password?", "Open Settings.\nChoose `Reset`.")
    html = await site.ask("How do I reset my password?")
    assert "<p>Open Settings.</p><p>Choose <code>Reset</code>.</p>" in html
    assert "Confirmed by the operator on" in html


async def test_an_answer_from_the_help_pages_links_them(site: Site) -> None:
    link = "https://help.example.com/plans"
    await site.house.add_section("Plans", "Sign-on", "Single sign-on comes with the Business plan.", link)
    html = await site.ask("Which plan has single sign-on?")
    assert f'<a href="{link}">Plans › Sign-on</a>' in html
    assert ENGLISH.generated in html


async def test_sending_twice_is_one_event(site: Site) -> None:
    sent = str(uuid4())
    first = await site.post("/messages", id=sent, text="How?")
    second = await site.post("/messages", id=sent, text="How?")
    assert (first.json(), second.json()) == ({"new": True}, {"new": False})
    assert len(answers_in(await site.html("/"))) == 1
    assert len(await site.house.desk.turns(PLACE)) == 2


async def test_what_is_written_never_becomes_markup(site: Site) -> None:
    attack = "<script>alert('x')</script><img src=x onerror=alert(1)>"
    await site.house.teach(f"How {attack}?", f"So {attack}")
    await site.ask(f"How {attack}?")
    for path in ("/", "/lessons"):
        html = await site.html(path)
        assert "&lt;script&gt;" in html
        assert not re.search(r"<script(?! type=\"module\" src=\"/static/)|<img src=x", html)


async def test_an_agent_teaches_and_the_next_question_gets_it(site: Site) -> None:
    asked = await site.ask("Do you ship parcels to Norway?")
    site.become("agent")
    answer = answers_in(asked)[0]
    form = (await site.client.get(f"/corrections/{answer}")).json()
    assert (form["question"], form["text"]) == ("Do you ship parcels to Norway?", "")
    await site.post("/corrections", answer=answer, question=form["question"], text="Yes, within five days.")
    site.become("customer")
    html = await site.ask("Parcels to Norway, do you ship them?")
    assert "Yes, within five days." in html
    assert "Confirmed by page agent on" in html


async def test_a_customer_is_told_that_only_agents_teach(site: Site) -> None:
    answer = answers_in(await site.ask("Do you ship parcels to Norway?"))[0]
    form = await site.client.get(f"/corrections/{answer}")
    assert (form.status_code, form.json()) == (403, {"error": ENGLISH.not_agent})
    await site.post("/corrections", answer=answer, question="Do you?", text="Yes.")
    assert ENGLISH.not_agent in await site.words("/")
    assert await site.house.desk.lessons() == []


async def test_an_answer_that_is_gone_is_said_to_be_gone(site: Site) -> None:
    site.become("agent")
    form = await site.client.get("/corrections/nowhere")
    assert (form.status_code, form.json()) == (400, {"error": ENGLISH.unknown_answer})


async def test_a_correction_of_100_000_characters_is_refused_in_the_bots_words(site: Site) -> None:
    answer = answers_in(await site.ask("How?"))[0]
    site.become("agent")
    sent = str(uuid4())
    response = await site.post("/corrections", id=sent, answer=answer, question="How?", text="x" * 100_000)
    html = await site.words("/")
    assert response.status_code == 202
    assert ENGLISH.too_long.format(limit=8_000, length=100_000) in html
    assert f'data-reply-to="web:{sent}"' in html


async def test_a_body_beyond_the_limit_is_turned_away(site: Site) -> None:
    response = await site.post("/messages", text="x" * MAX_BODY_BYTES)
    assert response.status_code == 413
    assert await site.house.desk.turns(PLACE) == []


@pytest.mark.parametrize("body", ['{"text": "\\ud800"}', '{"text": ', "[]", "\xff"])
async def test_what_is_no_event_is_turned_away_without_an_echo(site: Site, body: str) -> None:
    response = await site.client.post(
        "/messages", content=body.encode("latin-1"), headers={"content-type": "application/json"}
    )
    assert response.status_code in (400, 422)
    assert len(response.content) < 200


async def test_half_a_character_does_no_harm(site: Site) -> None:
    body = f'{{"id": "{uuid4()}", "conversation": "{CONVERSATION_ID}", "text": "How \\ud83d?"}}'
    response = await site.client.post("/messages", content=body, headers={"content-type": "application/json"})
    await site.house.settle()
    assert response.status_code == 202
    assert "How ??" in await site.html("/")


async def test_a_chosen_candidate_answers_and_none_of_them_does_not(site: Site) -> None:
    await site.house.teach("How do I change my mail address?", "Under Profile.")
    await site.house.teach("How do I change my billing address?", "Under Billing.")
    html = await site.ask("change address please today")
    answer = answers_in(html)[-1]
    facts = re.findall(r'data-fact="([^"]*)"', html)
    assert (len(facts), facts[-1]) == (3, "")
    await site.post("/choices", answer=answer, fact=facts[0])
    assert re.search("Under (Profile|Billing).", await site.html("/"))
    await site.post("/choices", answer=answer, fact=None)
    assert "badge-handoff" in await site.html("/")


async def test_a_help_page_can_be_chosen(site: Site) -> None:
    for title in ("Mail address", "Billing address"):
        await site.house.add_section(title, title, f"1. Open {title}.\n2. Change the address.")
    html = await site.ask("change address please")
    page = re.findall(r'data-section="([^"]+)"', html)[0]
    await site.post("/choices", answer=answers_in(html)[-1], fact=None, section=page)
    assert re.search("Open (Mail|Billing) address.", await site.html("/"))


async def test_a_toggle_counts_and_stays_down_until_it_is_released(site: Site) -> None:
    await site.house.teach("How do I reset my password?", "Open Settings.")
    html = await site.ask("How do I reset my password?")
    site.become("agent")
    await site.post("/reactions", message=messages_in(html)[-1], emoji="✅", added=True)
    pressed = await site.html("/")
    await site.post("/reactions", message=messages_in(html)[-1], emoji="✅", added=False)
    released = await site.html("/")
    assert 'data-emoji="✅" aria-pressed="true"' in pressed
    assert ENGLISH.noted_approval.format(name="page agent") in pressed
    assert 'data-emoji="✅" aria-pressed="false"' in released
    assert ENGLISH.withdrawn in released


async def test_a_rewritten_answer_is_rated_anew(site: Site) -> None:
    await site.house.teach("How do I reset my password?", "Open Settings.")
    html = await site.ask("How do I reset my password?")
    (message,) = messages_in(html)[-1:]
    await site.post("/reactions", message=message, emoji="❌", added=True)
    site.become("agent")
    right = "Open Settings, then press Reset."
    await site.post("/corrections", answer=answers_in(html)[0], question="How do I reset my password?", text=right)
    await site.house.bot.amending.look()
    await site.house.settle()
    site.become("customer")
    rewritten = await site.html("/")
    assert right in rewritten
    assert 'data-emoji="❌" aria-pressed="false"' in rewritten
    assert (await site.post("/reactions", message=message, emoji="❌", added=True)).json() == {"new": True}
    assert 'data-emoji="❌" aria-pressed="true"' in await site.html("/")


async def test_a_wrong_answer_is_offered_for_correction(site: Site) -> None:
    html = await site.ask("Do you ship parcels to Norway?")
    site.become("agent")
    await site.post("/reactions", message=messages_in(html)[-1], emoji="❌", added=True)
    html = await site.words("/")
    assert ENGLISH.offer_rejected in html
    assert html.count(f'data-correct="{answers_in(html)[0]}"') == 2


async def test_after_a_restart_the_conversation_is_still_there(site: Site) -> None:
    await site.ask("Do you ship parcels to Norway?")
    site.restart()
    html = await site.words("/")
    assert "Do you ship parcels to Norway?" in html
    assert ENGLISH.handoff in html
    assert answers_in(html) == []


async def test_conversations_are_apart(site: Site) -> None:
    await site.ask("Do you ship parcels to Norway?")
    response = await site.client.post("/conversation")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert "Norway" not in await site.html("/")


async def test_a_first_visit_begins_a_conversation_that_is_kept(site: Site) -> None:
    site.client.cookies.clear()
    for cookie in ("", "nonsense"):
        site.client.cookies.set("mentee_conversation", cookie)
        first, second = await site.html("/"), await site.html("/")
        began = re.findall(r'data-conversation="([^"]+)"', first)
        assert UUID(began[0])
        assert began == re.findall(r'data-conversation="([^"]+)"', second)
        site.client.cookies.clear()


@pytest.mark.parametrize(
    ("back", "to"), [("/lessons", "/lessons"), ("https://evil.example", "/"), ("//evil.example", "/")]
)
async def test_choosing_a_role_leads_back_to_a_page_of_ours(site: Site, back: str, to: str) -> None:
    response = await site.client.post("/role", data={"role": "admin", "back": back})
    assert (response.status_code, response.headers["location"]) == (303, to)
    assert re.search(r'value="admin" aria-pressed="true"', await site.html("/"))


async def test_nobody_becomes_an_operator(site: Site) -> None:
    assert (await site.client.post("/role", data={"role": "operator"})).status_code == 422


async def test_lessons_are_listed(site: Site) -> None:
    assert "No lesson yet." in await site.html("/lessons")
    await site.house.teach("How do I reset my password?", "Open Settings.")
    await site.house.teach("How do I reset my password?", "Open your profile.")
    html = await site.html("/lessons")
    assert html.index("Open your profile.") < html.index("Open Settings.")
    assert html.count(">active<") == html.count(">replaced<") == 1


async def test_a_cross_asks_why_and_takes_one_click(site: Site) -> None:
    html = await site.ask("What does it cost?")
    await site.post("/reactions", message=messages_in(html)[-1], emoji="❌", added=True)
    code = re.findall(r'data-press="(reason:[^"]+:outdated)"', await site.html("/"))[-1]
    await site.post("/presses", code=code)
    assert ENGLISH.reason_noted.format(reason="outdated") in await site.words("/")
    assert (await site.house.desk.status()).reasons == {"outdated": 1}
