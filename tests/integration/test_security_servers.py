"""TLS, passwords and least rights, against a real Kafka and a real Redis with certificates made here.

What each service needs is `RIGHTS` and the Redis line below it: a worker with exactly these works; with one fewer it
says at once which is missing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.articles import CleanArticle, Language, Outlet
from schemas.topics import ALL_TOPICS, SERVICES
from services.local.broker import Broker
from services.local.ports import free_port
from services.runtime.kafka import Admin, Publisher, read_records
from services.runtime.settings import RuntimeSettings
from tests.support import eventually, run_newsloom

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).resolve().parents[2]
PASSWORD = "s3cret-of-the-worker"
REDIS_PASSWORD = "s3cret-of-redis"

# what the cleaner may do, and nothing else: (resource, name, operation); READ and WRITE bring DESCRIBE with them
RIGHTS = (
    ("TOPIC", "raw-articles", "READ"),
    ("TOPIC", "clean-articles", "WRITE"),
    ("TOPIC", "cleaner-dead-letters", "WRITE"),
    ("TOPIC", "cleaner-discards", "WRITE"),
    ("GROUP", "newsloom-cleaner", "READ"),
)
RUNBOOK = (REPOSITORY / "deploy" / "README.md").read_text()
# what each service may do with Redis, as the runbook has it
REDIS_USERS = {
    line.split()[1]: line for line in re.findall(r"^user .*$", RUNBOOK, re.MULTILINE) if not line.endswith(" off")
}
# a right of each that its first record needs: what is asked of Redis, and what Redis calls it
REDIS_NEEDED = {"cleaner": "get", "entities": "mget", "duplicates": "evalsha"}


def rights_of(service: str) -> tuple[tuple[str, str, str], ...]:
    """The service's row in the runbook's table, as (resource, name, operation)."""
    [row] = re.findall(rf"^\| {service} \|([^|]*)\|([^|]*)\|([^|]*)\|$", RUNBOOK, re.MULTILINE)
    reads, writes, groups = ([name.strip() for name in cell.split(",")] for cell in row)
    reads = ["raw-articles" if name == "the raw topics" else name for name in reads]
    return (
        *(("TOPIC", name, "READ") for name in reads),
        *(("TOPIC", name, "WRITE") for name in writes),
        *(("GROUP", name, "READ") for name in groups),
    )


class SecureBroker(Broker):
    """A broker with a second listener: SASL over TLS, with a rule for each right. The first is the administrator's."""

    def __init__(self, certificates: Path) -> None:
        super().__init__()
        self._certificates = certificates
        self.secure_port = free_port()

    def _write_config(self, path: Path, data: Path, port: int, controller_port: int) -> None:
        super()._write_config(path, data, port, controller_port)
        config = path.read_text().replace(
            f"listeners=PLAINTEXT://127.0.0.1:{port},",
            f"listeners=SASL_SSL://127.0.0.1:{self.secure_port},PLAINTEXT://127.0.0.1:{port},",
        )
        config = config.replace(
            f"advertised.listeners=SASL_SSL://127.0.0.1:{self.secure_port},", "advertised.listeners="
        ).replace(
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}",
            f"advertised.listeners=SASL_SSL://127.0.0.1:{self.secure_port},PLAINTEXT://127.0.0.1:{port}",
        )
        config = config.replace(
            "security.protocol.map=PLAINTEXT:PLAINTEXT", "security.protocol.map=SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT"
        )
        name = "listener.name.sasl_ssl"
        module = "org.apache.kafka.common.security"
        config += f"""
ssl.keystore.type=PEM
ssl.keystore.location={self._certificates / "server.pem"}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
{name}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_worker="{PASSWORD}";
{name}.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
{name}.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""
        path.write_text(config)


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and a server certificate for 127.0.0.1 signed by it; other-ca.pem signed nothing."""
    folder = tmp_path_factory.mktemp("certificates")
    request = ("-newkey", "rsa:2048", "-nodes", "-subj")
    for name in ("ca", "other-ca"):
        openssl(
            *("req", "-x509", *request, f"/CN={name}", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem"),
            folder=folder,
        )
    openssl("req", *request, "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr", folder=folder)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "server.crt"),
        folder=folder,
    )
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())
    return folder


@pytest.fixture(scope="module")
def broker(certificates: Path) -> Generator[SecureBroker]:
    from kafka import KafkaAdminClient
    from kafka.admin import UserScramCredentialUpsertion

    with SecureBroker(certificates) as broker:
        admin: Any = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            # one at a time: a user that stands twice in a request is refused
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion("worker", mechanism, PASSWORD)])
        admin.close()
        yield broker


@pytest.fixture(scope="module")
def redis_with_tls(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The URL, with USER for its user, of a Redis that speaks TLS only and knows the runbook's users."""
    program = "/usr/bin/redis-server"
    if not os.access(program, os.X_OK) or "yes" not in _tls_answer(program):
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a Redis with TLS: apt-get install redis-server")
        pytest.skip("no Redis with TLS on this machine (the packaged one has none): apt-get install redis-server")
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    users = [line.replace(">PASSWORD", f">{REDIS_PASSWORD}") for line in REDIS_USERS.values()]
    for service, command in REDIS_NEEDED.items():
        # one more user each, with a right fewer
        poorer = REDIS_USERS[service].replace(f"user {service} ", f"user poor-{service} ").replace(f" +{command}", "")
        assert len(poorer.split()) == len(REDIS_USERS[service].split()) - 1
        users.append(poorer.replace(">PASSWORD", f">{REDIS_PASSWORD}"))
    (folder / "users").write_text("\n".join(["user default off", *users, ""]))
    tls = ("--tls-port", str(port), "--port", "0", "--tls-auth-clients", "no", "--tls-ca-cert-file", "ca.pem")
    keys = ("--tls-cert-file", "server.crt", "--tls-key-file", "server.key")
    server = subprocess.Popen(
        [program, *tls, *keys, "--bind", "127.0.0.1", "--save", "", "--aclfile", str(folder / "users")],
        cwd=certificates,
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _is_open(port), within_seconds=20)
        yield f"rediss://USER:{REDIS_PASSWORD}@127.0.0.1:{port}/0?ssl_ca_certs={certificates / 'ca.pem'}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _tls_answer(program: str) -> str:
    """ "yes" when the server starts with a TLS option, else what it said."""
    done = subprocess.run(
        [program, "--tls-port", "0", "--port", "0", "--save", "", "--tls-protocols", "none-such"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return "no" if "Bad directive" in done.stdout + done.stderr else "yes"


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Cleaner:
    """Topics of one test, its rights, and workers of the real cleaner."""

    def __init__(self, broker: SecureBroker, certificates: Path, redis_url: str, prefix: str, folder: Path) -> None:
        self.broker = broker
        self.prefix = prefix
        self.folder = folder
        self.settings = RuntimeSettings(kafka_bootstrap=broker.bootstrap, topic_prefix=prefix)
        self.environment = {
            "NEWSLOOM_KAFKA_BOOTSTRAP": f"127.0.0.1:{broker.secure_port}",
            "NEWSLOOM_KAFKA_SECURITY": "SASL_SSL",
            "NEWSLOOM_KAFKA_USERNAME": "worker",
            "NEWSLOOM_KAFKA_PASSWORD": PASSWORD,
            "NEWSLOOM_KAFKA_CA_FILE": str(certificates / "ca.pem"),
            "NEWSLOOM_REDIS_URL": redis_url.replace("USER", "cleaner"),
            "NEWSLOOM_TOPIC_PREFIX": prefix,
            "NEWSLOOM_HTTP_PORT_FILE": str(folder / "port"),
            "NEWSLOOM_LOG_LEVEL": "DEBUG",
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        with Admin(self.settings) as admin:
            admin.create_topics(ALL_TOPICS, prefix=prefix, partitions=1)

    def grant(self, rights: tuple[tuple[str, str, str], ...], user: str = "worker") -> None:
        from kafka import KafkaAdminClient
        from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

        admin: Any = KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        admin.create_acls(
            [
                ACL(
                    f"User:{user}",
                    "*",
                    ACLOperation[operation],
                    ACLPermissionType.ALLOW,
                    ResourcePattern(ResourceType[kind], self.prefix + name),
                )
                for kind, name, operation in rights
            ]
        )
        admin.close()

    def start(self, service: str = "cleaner", *, name: str = "worker", **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}.service"],
                cwd=REPOSITORY,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment, **environment},
            )
        self.workers.append(worker)
        return worker

    @property
    def log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def publish(self, value: bytes, topic: str = "raw-articles") -> None:
        with Publisher(self.settings) as publisher:
            publisher.send(self.prefix + topic, b"page", value)
            publisher.flush()

    def count(self, topic: str) -> int:
        with Admin(self.settings) as admin:
            return sum(admin.end_offsets(admin.partitions([self.prefix + topic])).values())

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()


@pytest.fixture
def cleaner(
    broker: SecureBroker, certificates: Path, redis_with_tls: str, topic_prefix: str, tmp_path: Path
) -> Generator[Cleaner]:
    cleaner = Cleaner(broker, certificates, redis_with_tls, topic_prefix, tmp_path)
    yield cleaner
    cleaner.stop()


def page(minute: int) -> bytes:
    body = "".join(
        f"<p>The ferry to Corran was late again on day {day}, and nobody was told why.</p>" for day in range(9)
    )
    return json.dumps(
        {
            "url": "https://gazette.example/news/1",
            "fetched_at": f"2026-03-02T08:{minute:02}:00Z",
            "html": f"<html><head><title>Late ferry</title></head><body><article>{body}</article></body></html>",
            "publisher": {"name": "tests"},
        }
    ).encode()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_worker_works_over_tls_with_its_password_and_no_more_than_its_rights(
    cleaner: Cleaner, mechanism: str
) -> None:
    cleaner.grant(RIGHTS)
    cleaner.publish(page(1))
    cleaner.start(NEWSLOOM_KAFKA_SASL_MECHANISM=mechanism)
    eventually(lambda: cleaner.count("clean-articles") == 1, within_seconds=150, message="the article is out")
    # the same page fetched again: only a Redis that remembers makes it a discard
    cleaner.publish(page(2))
    eventually(lambda: cleaner.count("cleaner-discards") == 1, within_seconds=30, message="Redis was asked")
    cleaner.publish(b"not json")
    eventually(lambda: cleaner.count("cleaner-dead-letters") == 1, within_seconds=30)
    assert PASSWORD not in cleaner.log
    assert REDIS_PASSWORD not in cleaner.log


def test_the_runbook_has_the_cleaners_rights() -> None:
    assert sorted(rights_of("cleaner")) == sorted(RIGHTS)


def clean(number: int) -> bytes:
    """A clean article with names in it; equal text under every number, so that later ones are duplicates."""
    text = " ".join(f"Ilse Varga of Corran told the council of Lisbon about item {item}." for item in range(20))
    return CleanArticle(
        article_id=f"{number:032x}",
        outlet=Outlet(name=f"Gazette {number}"),
        headline="Council hears of the harbour",
        text=text,
        language=Language(code="en", confidence=1.0),
        fetched_at=datetime(2026, 3, 2, 8, number, tzinfo=UTC),
    ).to_bytes()


@pytest.mark.parametrize("service", ["entities", "duplicates"])
def test_each_service_works_with_the_runbooks_rights_and_no_more(
    cleaner: Cleaner, redis_with_tls: str, service: str
) -> None:
    user = f"only-{service}"
    make_users(cleaner.broker, [user])
    cleaner.grant(rights_of(service), user)
    secrets = {"NEWSLOOM_KAFKA_USERNAME": user, "NEWSLOOM_REDIS_URL": redis_with_tls.replace("USER", service)}
    for number in range(3):
        cleaner.publish(clean(number), "clean-articles")
    cleaner.start(service, **secrets)
    if service == "entities":
        eventually(lambda: cleaner.count("article-entities") == 3, within_seconds=150, message="entities are out")
    else:
        eventually(lambda: cleaner.count("duplicate-alerts") == 2, within_seconds=150, message="alerts are out")
        assert cleaner.count("duplicate-clusters") > 0
    assert "ERROR" not in cleaner.log
    assert PASSWORD not in cleaner.log
    assert REDIS_PASSWORD not in cleaner.log


def make_users(broker: SecureBroker, names: list[str]) -> None:
    from kafka import KafkaAdminClient
    from kafka.admin import UserScramCredentialUpsertion

    admin: Any = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    for name in names:
        admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, "SCRAM-SHA-512", PASSWORD)])
    admin.close()


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_with_one_right_fewer_says_at_once_which(
    cleaner: Cleaner, redis_with_tls: str, service: str
) -> None:
    """Every right is left out once, each for a user and a worker of its own, all at the same time."""
    rights = rights_of(service)
    users = [f"{service}-without-{number}" for number in range(len(rights))]
    make_users(cleaner.broker, [*users, f"{service}-without-redis"])
    source = "raw-articles" if service == "cleaner" else "clean-articles"
    cleaner.publish(page(1) if service == "cleaner" else clean(0), source)
    workers: dict[str, tuple[subprocess.Popen[bytes], str]] = {}
    for user, missing in zip(users, rights, strict=True):
        cleaner.grant(tuple(right for right in rights if right != missing), user)
        secrets = {"NEWSLOOM_KAFKA_USERNAME": user, "NEWSLOOM_REDIS_URL": redis_with_tls.replace("USER", service)}
        workers[user] = cleaner.start(service, name=user, **secrets), cleaner.prefix + missing[1]
    for user, (worker, named) in workers.items():
        log = cleaner.folder / f"{user}.log"
        assert worker.wait(timeout=150) == 78, log.read_text()
        assert named in log.read_text()
        assert "rights" in log.read_text()
        assert "Traceback" not in log.read_text()
    # and Redis: everything of Kafka, one command of Redis fewer
    user = f"{service}-without-redis"
    cleaner.grant(rights, user)
    poor = redis_with_tls.replace("USER", f"poor-{service}")
    worker = cleaner.start(service, name=user, NEWSLOOM_KAFKA_USERNAME=user, NEWSLOOM_REDIS_URL=poor)
    log = cleaner.folder / f"{user}.log"
    assert worker.wait(timeout=90) == 78, log.read_text()
    assert f"'{REDIS_NEEDED[service]}'" in log.read_text()
    assert "rights" in log.read_text()
    assert "Traceback" not in log.read_text()
    with Admin(cleaner.settings) as admin:
        parts = admin.partitions([cleaner.prefix + source])
        assert set(admin.committed_offsets(cleaner.settings.group(service), parts).values()) <= {None, 0}


def rights_of_the_observer() -> tuple[tuple[str, str, str], ...]:
    """As the runbook's row says in words: it reads all topics, begins heartbeats, and asks where the groups stand."""
    assert "| observer | all topics | the first raw topic (heartbeat) | describe on the three groups |" in RUNBOOK
    return (
        *(("TOPIC", topic.name, "READ") for topic in ALL_TOPICS),
        ("TOPIC", "raw-articles", "WRITE"),
        *(("GROUP", f"newsloom-{service}", "DESCRIBE") for service in SERVICES),
    )


def test_the_observer_sees_all_with_the_runbooks_rights_and_says_which_is_missing(
    cleaner: Cleaner, redis_with_tls: str
) -> None:
    rights = rights_of_the_observer()
    left_out = (
        ("TOPIC", "clean-articles", "READ"),
        ("TOPIC", "duplicates-dead-letters", "READ"),
        ("TOPIC", "raw-articles", "WRITE"),
        ("GROUP", "newsloom-entities", "DESCRIBE"),
    )
    assert set(left_out) < set(rights)
    users = {None: "observer", **{missing: f"observer-without-{number}" for number, missing in enumerate(left_out)}}
    make_users(cleaner.broker, list(users.values()))
    cleaner.publish(page(1))
    for missing, user in users.items():
        # who may not read the first raw topic may still begin heartbeats on it, and the other way round
        cleaner.grant(tuple(right for right in rights if right != missing), user)
        cleaner.start(
            "observer",
            name=user,
            NEWSLOOM_KAFKA_USERNAME=user,
            NEWSLOOM_REDIS_URL=redis_with_tls.replace("USER", "observer"),
            NEWSLOOM_HTTP_PORT_FILE=str(cleaner.folder / f"{user}.port"),
            NEWSLOOM_OBSERVER_INTERVAL_SECONDS="1",
            NEWSLOOM_OBSERVER_HEARTBEAT_INTERVAL_SECONDS="1",
        )

    def answer(user: str) -> tuple[bool, str]:
        port_file = cleaner.folder / f"{user}.port"
        assert port_file.exists(), f"{user} does not listen yet"
        port = port_file.read_text().strip()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
                said = json.load(response)
        except urllib.error.HTTPError as error:
            said = json.load(error)
        return said["ok"], str(said["reason"])

    eventually(lambda: answer("observer")[0], within_seconds=150, message="the observer sees everything")
    eventually(lambda: cleaner.count("raw-articles") >= 3, within_seconds=30, message="heartbeats are out")
    for missing in left_out:
        user, name = users[missing], missing[1]
        eventually(lambda user=user, name=name: name in answer(user)[1], 60, message=f"{user} names {name}")
        assert "Traceback" not in (cleaner.folder / f"{user}.log").read_text()
    assert '"level": "ERROR"' not in (cleaner.folder / "observer.log").read_text()


def test_a_right_that_is_missing_at_work_blames_no_record(cleaner: Cleaner) -> None:
    # it may see the topic, so that only the first record meets what is missing; more workers end over it than a record
    # may end
    write = ("TOPIC", "clean-articles", "WRITE")
    cleaner.grant((*(right for right in RIGHTS if right != write), ("TOPIC", "clean-articles", "DESCRIBE")))
    cleaner.publish(page(1))
    for _ in range(4):
        worker = cleaner.start()
        assert worker.wait(timeout=120) == 78, cleaner.log
    assert f"does not allow this user to write to {cleaner.prefix}clean-articles" in cleaner.log
    assert "Traceback" not in cleaner.log
    cleaner.grant((write,))
    cleaner.start()
    eventually(lambda: cleaner.count("clean-articles") == 1, within_seconds=150, message="the article is out")
    assert cleaner.count("cleaner-dead-letters") == 0


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NEWSLOOM_KAFKA_PASSWORD": "wr0ng-password"}, "refused"),
        ({"NEWSLOOM_KAFKA_CA_FILE": "/nowhere/ca.pem"}, "NEWSLOOM_KAFKA_CA_FILE"),
        ({"NEWSLOOM_KAFKA_PASSWORD": ""}, "refused"),
    ],
)
def test_a_wrong_password_or_certificate_ends_the_worker_without_naming_a_secret(
    cleaner: Cleaner, environment: dict[str, str], words: str
) -> None:
    cleaner.grant(RIGHTS)
    worker = cleaner.start(**environment)
    assert worker.wait(timeout=150) == 78, cleaner.log
    assert words in cleaner.log
    assert "Traceback" not in cleaner.log
    assert "wr0ng-password" not in cleaner.log
    assert PASSWORD not in cleaner.log


def test_a_server_that_another_authority_signed_is_not_trusted(cleaner: Cleaner, certificates: Path) -> None:
    cleaner.grant(RIGHTS)
    worker = cleaner.start(NEWSLOOM_KAFKA_CA_FILE=str(certificates / "other-ca.pem"))
    assert worker.wait(timeout=150) == 78, cleaner.log
    assert "NEWSLOOM_KAFKA_CA_FILE" in cleaner.log
    assert PASSWORD not in cleaner.log


def typed(cleaner: Cleaner, *words: str) -> tuple[int, str]:
    """Exit code of the command line with the cleaner's user, and all that it says."""
    done = run_newsloom(*words, environment=cleaner.environment, timeout=90)
    assert b"Traceback" not in done.stderr
    return done.returncode, (done.stdout + done.stderr).decode()


def test_the_command_line_prints_no_secret(cleaner: Cleaner) -> None:
    cleaner.grant(RIGHTS)
    for command in (
        ["doctor", "--json"],
        ["topics", "list", "--json"],
        ["dead-letters", "list", "cleaner", "--json"],
        ["audit", "--json"],
        ["status", "--json"],
        ["top", "--count", "1", "--json"],
        ["why", "a" * 32, "--json"],
    ):
        _, said = typed(cleaner, *command)
        assert PASSWORD not in said
        assert REDIS_PASSWORD not in said


def test_dead_letters_are_listed_replayed_and_purged_with_the_runbooks_rights(cleaner: Cleaner) -> None:
    [row] = [line for line in RUNBOOK.splitlines() if line.startswith("| `newsloom dead-letters` |")]
    assert all(
        words in row for words in ("`purge`: delete", "the raw topics, clean-articles", "newsloom-SERVICE-replay")
    )
    headers = (
        ("__connect.errors.topic", f"{cleaner.prefix}raw-articles".encode()),
        ("__connect.errors.partition", b"0"),
    )
    with Publisher(cleaner.settings) as publisher:
        publisher.send_now(f"{cleaner.prefix}cleaner-dead-letters", b"k", b"[]", headers)

    def letters(*words: str) -> tuple[int, str]:
        return typed(cleaner, "dead-letters", *words, "--json")

    cleaner.grant((("TOPIC", "cleaner-dead-letters", "READ"),))
    code, said = letters("list", "cleaner")
    assert (code, "grant the rights that deploy/README.md lists" in said) == (78, True), said
    cleaner.grant((("GROUP", "newsloom-cleaner-replay", "DESCRIBE"),))
    code, said = letters("list", "cleaner")
    assert (code, json.loads(said)[0]["replayed"]) == (0, False), said
    cleaner.grant((("GROUP", "newsloom-cleaner-replay", "READ"), ("TOPIC", "raw-articles", "WRITE")))
    code, said = letters("replay", "cleaner", "--id", "0/0")
    assert (code, json.loads(said)["replayed"]) == (0, 1), said
    assert json.loads(letters("list", "cleaner")[1])[0]["replayed"]
    assert letters("purge", "cleaner")[0] == 78
    cleaner.grant((("TOPIC", "cleaner-dead-letters", "DELETE"),))
    assert json.loads(letters("purge", "cleaner")[1]) == {"deleted": 1, "kept": []}


def test_openssl_is_there_for_the_certificates() -> None:
    assert shutil.which("openssl"), "the tests of TLS make their certificates with openssl: apt-get install openssl"


def test_records_are_read_over_tls_too(cleaner: Cleaner) -> None:
    cleaner.grant((*RIGHTS, ("TOPIC", "raw-articles", "WRITE")))
    settings = RuntimeSettings(
        kafka_bootstrap=cleaner.environment["NEWSLOOM_KAFKA_BOOTSTRAP"],
        kafka_security="SASL_SSL",
        kafka_username="worker",
        kafka_password=PASSWORD,  # pyright: ignore[reportArgumentType]
        kafka_ca_file=cleaner.environment["NEWSLOOM_KAFKA_CA_FILE"],
        topic_prefix=cleaner.prefix,
    )
    with Publisher(settings) as publisher:
        place = publisher.send_now(cleaner.prefix + "raw-articles", b"page", b"value")
    part = (cleaner.prefix + "raw-articles", place[0])
    assert [record.value for record in read_records(settings, {part: 0}, until={part: 1})] == [b"value"]
    assert PASSWORD not in repr(settings)
