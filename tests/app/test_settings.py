"""Settings: each is described, in the code and in the documents, and nothing sets one that does not exist."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from app.settings import Settings

ROOT = Path(__file__).parents[2]
NAMES = {f"ORDERWIRE_{name.upper()}" for name in Settings.model_fields}
MENTION = re.compile(r"ORDERWIRE_[A-Z_]+")


def test_every_setting_is_described():
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]

    assert undescribed == []


@pytest.mark.check
def test_the_document_has_a_heading_or_a_row_for_each_setting_and_for_no_other():
    page = (ROOT / "docs" / "settings.md").read_text()

    explained = set(re.findall(r"^(?:#+ |\| *)`?(ORDERWIRE_[A-Z_]+)`?", page, re.MULTILINE))
    assert explained == NAMES
    assert set(MENTION.findall(page)) <= NAMES


@pytest.mark.check
def test_the_containers_set_only_what_exists():
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    dockerfile = (ROOT / "Dockerfile").read_text()

    given = {name for service in compose["services"].values() for name in _variables(service)}
    named = {name for name in given if name.startswith("ORDERWIRE_")} | set(MENTION.findall(dockerfile))
    assert named
    assert named <= NAMES
    assert set(MENTION.findall((ROOT / "docker-compose.yml").read_text())) <= NAMES


def _variables(service: dict[str, Any]) -> list[str]:
    environment = service.get("environment", {})
    return [str(name).split("=")[0] for name in environment]


def test_what_is_not_given_has_a_default_that_works_at_once():
    settings = Settings()

    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert (settings.seeds, settings.exposes_statements, settings.origins) == (True, True, ())


def test_production_does_neither_seed_nor_tell(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORDERWIRE_ENVIRONMENT", "production")

    assert (Settings().seeds, Settings().exposes_statements) == (False, False)


def test_in_production_providers_need_an_address_that_no_request_names(monkeypatch: pytest.MonkeyPatch):
    provider = '[{"name": "idp", "issuer": "https://idp.example", "client_id": "shop"}]'
    monkeypatch.setenv("ORDERWIRE_OIDC_PROVIDERS", provider)
    assert Settings().public_url is None

    monkeypatch.setenv("ORDERWIRE_ENVIRONMENT", "production")
    with pytest.raises(ValidationError, match="ORDERWIRE_PUBLIC_URL: in production"):
        Settings()
    monkeypatch.setenv("ORDERWIRE_PUBLIC_URL", "https://shop.example")

    assert [each.name for each in Settings().oidc_providers] == ["idp"]


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORDERWIRE_DATABASE_URL", "")
    monkeypatch.setenv("ORDERWIRE_ADMIN_PASSWORD", "")

    assert (Settings().database_url, Settings().admin_password) == (None, None)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORDERWIRE_ALLOWED_ORIGINS", "https://a.example, https://b.example,")

    assert Settings().origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("workers", "0"),
        ("log_level", "loud"),
        ("database_url", "mysql://x"),
        ("broadcast_url", "kafka://x"),
        ("currency", "pounds"),
        ("live_poll_seconds", "0"),
    ],
)
def test_a_value_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"ORDERWIRE_{name.upper()}", value)

    with pytest.raises(ValidationError) as refused:
        Settings()

    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


IDP = {"name": "idp", "issuer": "https://idp.example", "client_id": "shop", "client_secret": "hush-hush"}


def test_providers_come_as_json(monkeypatch: pytest.MonkeyPatch):
    public = {"name": "own", "issuer": "http://127.0.0.1:8080/realms/own", "client_id": "shop", "scope": "email openid"}
    monkeypatch.setenv("ORDERWIRE_OIDC_PROVIDERS", json.dumps([IDP, public]))

    one, other = Settings().oidc_providers

    assert (one.name, one.issuer, one.client_id, one.scope) == ("idp", IDP["issuer"], "shop", "openid email profile")
    assert one.client_secret is not None
    assert one.client_secret.get_secret_value() == "hush-hush"
    assert (other.client_secret, other.scope) == (None, "email openid")


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        ('[{"client_secret": "hush-hush', (), "not JSON: Unterminated string starting at: line 1 column 20 (char 19)"),
        ('{"idp": {}}', (), "Input should be a valid tuple"),
        ([{**IDP, "name": "Ein Anbieter"}], (0, "name"), "String should match pattern '^[a-z][a-z0-9-]{0,29}$'"),
        ([{**IDP, "issuer": "http://idp.example"}], (0, "issuer"), "an issuer is at https://…, or on this machine"),
        (
            [{**IDP, "issuer": "http://localhost.example"}],
            (0, "issuer"),
            "an issuer is at https://…, or on this machine",
        ),
        ([IDP, {"name": "b", "issuer": "https://b.example"}], (1, "client_id"), "Field required"),
        ([{**IDP, "scope": "email"}], (0, "scope"), "String should match pattern '(^| )openid( |$)'"),
        ([{**IDP, "secret": "hush-hush"}], (0, "secret"), "Extra inputs are not permitted"),
        ([IDP, IDP], (), "two providers have one name"),
    ],
)
def test_a_wrong_provider_is_told_by_its_place_and_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, value: Any, place: tuple[str | int, ...], message: str
):
    monkeypatch.setenv("ORDERWIRE_OIDC_PROVIDERS", value if isinstance(value, str) else json.dumps(value))

    with pytest.raises(ValidationError) as refused:
        Settings()

    [error] = refused.value.errors()
    assert (error["loc"], error["msg"].removeprefix("Value error, ")) == (("oidc_providers", *place), message)
    assert "hush" not in str(refused.value)


def test_secrets_do_not_show():
    settings = Settings(admin_password="hush-hush", signing_key="hush-hush")

    assert "hush" not in repr(settings) + str(settings.model_dump_json())
