"""The container files are read here, since not every machine has an engine to run them."""

import re
from typing import Any

import pytest
import yaml
from support.documents import ROOT

from app.settings import Settings

pytestmark = pytest.mark.check

VARIABLES = {f"ORDERWIRE_{name.upper()}" for name in Settings.model_fields}
VERSIONED = re.compile(r"[\w./-]+:\d[\w.-]*")
REPLICAS = ("api-1", "api-2")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments."""
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)).splitlines()
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line.strip())]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def ignored(path: str) -> bool:
    """Whether .dockerignore, which keeps everything out but what it lists, keeps a path out."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    return not any(path == each or path.startswith(f"{each}/") for each in kept)


def test_the_dockerfile_knows_our_instructions_only() -> None:
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {name for name, _ in instructions()} == known


def test_the_dockerfile_copies_what_exists_and_is_not_ignored() -> None:
    sources = [source for rest in arguments("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not ignored(source), source
    assert ignored("tests")
    assert ignored("playground/node_modules")


def test_the_image_is_built_on_named_versions() -> None:
    images = [rest.split()[0] for rest in arguments("FROM")]
    assert all(VERSIONED.fullmatch(image) for image in images), images


def test_the_image_installs_with_hashes_and_runs_as_nobody_special() -> None:
    assert any("--require-hashes -r requirements/run.lock" in rest for rest in arguments("RUN"))
    (user,) = arguments("USER")
    assert user not in {"root", "0"}
    # Nothing is done as root after it but what the image says of itself.
    names = [name for name, _ in instructions()]
    assert not {"RUN", "COPY"} & set(names[names.index("USER") :])
    assert arguments("CMD") == ['["orderwire", "serve"]']
    assert arguments("EXPOSE") == ["8000"]
    (health,) = arguments("HEALTHCHECK")
    assert "/health" in health


def test_the_image_keeps_its_data_in_the_volume() -> None:
    (environment,) = arguments("ENV")
    set_variables = dict(pair.split("=", 1) for pair in environment.split())
    assert {name for name in set_variables if name.startswith("ORDERWIRE_")} <= VARIABLES
    assert arguments("VOLUME") == [set_variables["ORDERWIRE_DATA_DIR"]]
    assert set_variables["ORDERWIRE_HOST"] == "0.0.0.0"


def test_every_variable_of_the_composition_is_a_setting() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"ORDERWIRE_[A-Z_]*[A-Z]", text)) <= VARIABLES
    for name, service in compose()["services"].items():
        variables = {key for key in service.get("environment", {}) if key.startswith("ORDERWIRE_")}
        assert variables <= VARIABLES, name


def test_the_settings_accept_what_the_composition_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in compose()["services"]["api-1"]["environment"].items():
        filled = re.sub(r"\$\{(\w+):\?[^}]*\}", "given-from-outside", value)
        monkeypatch.setenv(key, filled)
    settings = Settings()
    assert not settings.is_development
    assert not settings.migrate
    assert not settings.seeds
    assert settings.broadcast_url == "redis://valkey:6379"


def test_secrets_come_from_outside() -> None:
    environment = compose()["services"]["api-1"]["environment"]
    for name in ("ORDERWIRE_ADMIN_PASSWORD", "ORDERWIRE_SIGNING_KEY"):
        assert re.fullmatch(rf"\$\{{{name}:\?.+\}}", environment[name]), name
    assert "${POSTGRES_PASSWORD:?" in environment["ORDERWIRE_DATABASE_URL"]


def test_images_have_a_version() -> None:
    images = {name: service["image"] for name, service in compose()["services"].items()}
    assert all(VERSIONED.fullmatch(image) for image in images.values()), images
    assert images["postgres"] == "postgres:18"
    assert images["valkey"] == "valkey/valkey:9"


def test_two_replicas_share_everything_and_wait_for_what_they_need() -> None:
    services = compose()["services"]
    first, second = (services[name] for name in REPLICAS)
    assert first == second
    assert "ports" not in first
    assert first["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["command"] == ["orderwire", "migrate"]
    assert services["migrate"]["environment"] == first["environment"]
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            has_check = "healthcheck" in services[other] or "build" in services[other]
            assert wait["condition"] != "service_healthy" or has_check, (name, other)


def test_named_volumes_are_declared_and_mounted_files_exist() -> None:
    composition = compose()
    for service in composition["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).is_file() if source.startswith("./") else source in composition["volumes"]


def test_the_balancer_knows_both_replicas_and_asks_whether_they_are_ready() -> None:
    config = (ROOT / "docker" / "haproxy.cfg").read_text()
    servers = re.findall(r"^\s+server (\S+) (\S+)$", config, re.MULTILINE)
    assert servers == [(name, f"{name}:8000") for name in REPLICAS]
    assert "option httpchk GET /ready" in config
    balancer = compose()["services"]["balancer"]
    assert set(balancer["depends_on"]) == set(REPLICAS)
    assert balancer["ports"] == ["8000:8000"]
    assert "bind :8000" in config


def test_the_balancer_is_patient_with_streams() -> None:
    config = (ROOT / "docker" / "haproxy.cfg").read_text()
    seconds = {name: int(value) for name, value in re.findall(r"timeout (\w+) (\d+)s$", config, re.MULTILINE)}
    # Event streams send a comment every 15 seconds.
    assert min(seconds["client"], seconds["server"]) >= 4 * 15
    assert re.search(r"timeout tunnel \d+h$", config, re.MULTILINE)
    assert "buffer" not in re.sub(r"#.*", "", config)
