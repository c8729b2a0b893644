"""`mentee token`: made once, listed without its secret, revoked at once."""

import json

from tests.deploy.conftest import Mentee, words


def test_a_token_is_made_listed_and_revoked(mentee: Mentee) -> None:
    made = mentee("token", "create", "ticket system", "--scope", "ask", "--scope", "read", "--days", "7", "--json")
    assert made.exit_code == 0, made.output
    secret = json.loads(made.stdout)["token"]
    assert len(secret) >= 43
    listed = mentee("token", "list", "--json")
    (row,) = json.loads(listed.stdout)["passes"]
    assert (row["kind"], row["person"], row["scopes"]) == ("token", "web:token-ticket system", ["ask", "read"])
    assert secret not in listed.stdout + mentee("token", "list").stdout
    assert "ticket system" in words(mentee("token", "list").stdout)
    assert mentee("token", "revoke", row["id"][-8:]).exit_code == 0
    assert json.loads(mentee("token", "list", "--json").stdout) == {"passes": []}
    assert "made a token" in words(mentee("audit").stdout)


def test_a_token_for_nothing_and_an_unknown_one_are_refused(mentee: Mentee) -> None:
    assert mentee("token", "create", "x", "--scope", "ask", "--days", "0").exit_code == 1
    assert mentee("token", "create", "x").exit_code == 2
    assert mentee("token", "create", "x", "--scope", "everything").exit_code == 2
    assert mentee("token", "revoke", "0a1b2c3d").exit_code == 1
    assert mentee("token", "revoke", "").exit_code == 1
