"""Someone is told when a run fails: by webhook and e-mail, without a word of the error itself."""

import json
import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from pipelines.alerts import alert
from pipelines.defs.automation import build_failure_alert, failure_note
from pipelines.settings import Settings

SECRET = "row 17 holds 999 000 0018"
Inbox = list[str]


@contextmanager
def serving(server: socketserver.TCPServer) -> Iterator[int]:
    """Run a server on a free port of this machine; gives the port."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def webhook(monkeypatch) -> Iterator[tuple[str, Inbox]]:
    """A local address that takes posts, and what was posted."""
    posted: Inbox = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8"))
            self.send_response(404 if self.path == "/gone" else 200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(HTTPServer(("127.0.0.1", 0), Taking)) as port:
        yield f"http://127.0.0.1:{port}/", posted


@pytest.fixture
def mail_server() -> Iterator[tuple[int, Inbox]]:
    """A port that speaks as much SMTP as a client needs, and the messages it was given."""
    messages: Inbox = []

    class Taking(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().decode("utf-8").strip():
                if line.upper() == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    messages.append(self._message())
                elif line.upper() == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"250 fine\r\n")

        def _message(self) -> str:
            lines = iter(lambda: self.rfile.readline().decode("utf-8"), ".\r\n")
            return "".join(lines)

    with serving(socketserver.TCPServer(("127.0.0.1", 0), Taking)) as port:
        yield port, messages


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: object) -> Settings:
        return Settings(home=tmp_path / "home", inbox=tmp_path / "inbox").model_copy(update=changes)

    return make


def failed_run(settings: Settings, job_name: str) -> str:
    """Let a job fail at its second step and Dagster's sensor see it. Returns the run's id."""

    @dg.op
    def first() -> None:
        """Works."""

    @dg.op(ins={"start": dg.In(dg.Nothing)})
    def second() -> None:
        raise ValueError(SECRET)

    @dg.job(name=job_name)
    def failing() -> None:
        second(first())

    with dg.DagsterInstance.ephemeral() as instance:
        result = failing.execute_in_process(instance=instance, raise_on_error=False)
        assert not result.success
        context = dg.build_run_status_sensor_context(
            sensor_name="run_failure_alert",
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
        ).for_run_failure()
        build_failure_alert(settings)(context)
    return result.run_id


def test_failed_run_is_told_by_webhook_with_job_run_and_step_only(settings, webhook):
    url, posted = webhook
    run_id = failed_run(settings(alert_webhook=url), "nightly")
    (text,) = posted
    note = json.loads(text)
    assert note["subject"] == "QI Mart: run of nightly failed"
    for word in (run_id, "nightly", "second", "docs/runbook.md"):
        assert word in note["text"]
    assert "ValueError" not in text
    assert SECRET not in text


def test_failed_run_is_told_by_e_mail_with_job_run_and_step_only(settings, mail_server):
    port, messages = mail_server
    changed = settings(
        alert_email_to="night.team@example.org",
        alert_email_from="qi-mart@example.org",
        smtp_host="127.0.0.1",
        smtp_port=port,
    )
    run_id = failed_run(changed, "rebuild_from_lake")
    (raw,) = messages
    message = message_from_string(raw)
    assert message["Subject"] == "QI Mart: run of rebuild_from_lake failed"
    assert (message["From"], message["To"]) == ("qi-mart@example.org", "night.team@example.org")
    body = str(message.get_payload()).replace("=\r\n", "")
    for word in (run_id, "rebuild_from_lake", "second"):
        assert word in body
    assert SECRET not in raw


def test_every_configured_way_is_used(settings, webhook, mail_server):
    both = settings(
        alert_webhook=webhook[0],
        alert_email_to="a@example.org",
        smtp_host="127.0.0.1",
        smtp_port=mail_server[0],
    )
    assert alert(both, "subject", "text") == ["webhook", "e-mail"]
    assert json.loads(webhook[1][0]) == {"subject": "subject", "text": "text"}
    assert len(mail_server[1]) == 1


def test_nobody_is_told_when_nothing_is_configured(settings):
    assert alert(settings(), "subject", "text") == []
    assert alert(settings(alert_email_to="a@example.org"), "subject", "text") == []


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("http://127.0.0.1:1/", "URLError"),
        ("hooks.example.org/without-a-scheme", "ValueError"),
        ("http://127.0.0.1:1/with a blank", "InvalidURL"),
    ],
)
def test_a_way_that_fails_is_logged_and_the_other_one_used(
    settings, mail_server, monkeypatch, caplog, address, fault
):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    both = settings(
        alert_webhook=address, alert_email_to="a@example.org", smtp_host="127.0.0.1", smtp_port=mail_server[0]
    )
    with caplog.at_level(logging.ERROR):
        assert alert(both, "subject", "text") == ["e-mail"]
    assert f"The alert could not be sent by webhook: {fault}" in caplog.text


def test_a_webhook_that_answers_no_is_a_way_that_fails(settings, webhook, caplog):
    assert alert(settings(alert_webhook=f"{webhook[0]}gone"), "subject", "text") == []
    assert "HTTPError" in caplog.text


def test_a_webhook_that_does_not_speak_http_is_a_way_that_fails(settings, mail_server, monkeypatch, caplog):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert alert(settings(alert_webhook=f"http://127.0.0.1:{mail_server[0]}/"), "subject", "text") == []
    assert "BadStatusLine" in caplog.text


def test_a_mail_server_that_is_not_there_is_a_way_that_fails(settings, caplog):
    nowhere = settings(alert_email_to="a@example.org", smtp_host="127.0.0.1", smtp_port=1)
    assert alert(nowhere, "subject", "text") == []
    assert "could not be sent by e-mail: ConnectionRefusedError" in caplog.text


def test_a_run_that_failed_before_its_first_step_says_so():
    subject, text = failure_note("nightly", "the run's id", [])
    assert subject == "QI Mart: run of nightly failed"
    assert "failed at: before its first step" in text


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_over_tls_and_with_a_login_where_that_is_set(settings, monkeypatch, security):
    done: list[tuple] = []

    class Server:
        def __init__(self, host: str, port: int, timeout: float, context: object = None) -> None:
            done.append(("tls" if context else "plain", host, port))

        def __enter__(self) -> "Server":
            return self

        def __exit__(self, *fault: object) -> None:
            done.append(("closed",))

        def starttls(self, context: object) -> None:
            done.append(("starttls",))

        def login(self, user: str, password: str) -> None:
            done.append(("login", user, password))

        def send_message(self, message: object) -> None:
            done.append(("sent",))

    monkeypatch.setattr("smtplib.SMTP", Server)
    monkeypatch.setattr("smtplib.SMTP_SSL", Server)
    chosen = settings(
        alert_email_to="a@example.org",
        smtp_host="mail.example.org",
        smtp_port=587,
        smtp_security=security,
        smtp_user="qi",
        smtp_password=SecretStr("secret"),
    )
    assert alert(chosen, "subject", "text") == ["e-mail"]
    first = "tls" if security == "tls" else "plain"
    starting = [("starttls",)] if security == "starttls" else []
    assert done == [
        (first, "mail.example.org", 587),
        *starting,
        ("login", "qi", "secret"),
        ("sent",),
        ("closed",),
    ]
