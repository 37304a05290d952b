"""Telling someone that a run failed: a webhook, an e-mail, or both, by configuration.

A note says which run failed, where and with what kind of error. It never carries the error's own
text, which may quote a row.
"""

import json
import logging
import smtplib
import ssl
import urllib.request
from email.message import EmailMessage
from http.client import HTTPException

from pipelines.settings import Settings

LOGGER = logging.getLogger(__name__)
TIMEOUT_SECONDS = 20


def alert(settings: Settings, subject: str, text: str) -> list[str]:
    """Send a note by every configured way. Returns the ways used; a way that fails is logged, because
    an alert that cannot be sent must not hide the failure it is about."""
    ways = []
    if settings.alert_webhook and _sent("webhook", lambda: _post(settings, subject, text)):
        ways.append("webhook")
    if (
        settings.alert_email_to
        and settings.smtp_host
        and _sent("e-mail", lambda: _mail(settings, subject, text))
    ):
        ways.append("e-mail")
    return ways


def _sent(way: str, send) -> bool:
    try:
        send()
    except (OSError, ValueError, HTTPException) as fault:
        LOGGER.error("The alert could not be sent by %s: %s", way, type(fault).__name__)
        return False
    return True


def _post(settings: Settings, subject: str, text: str) -> None:
    assert settings.alert_webhook is not None
    request = urllib.request.Request(
        settings.alert_webhook,
        data=json.dumps({"subject": subject, "text": text}).encode("utf-8"),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
        return


def _mail(settings: Settings, subject: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = settings.alert_email_from
    message["To"] = settings.alert_email_to
    message.set_content(text)
    assert settings.smtp_host is not None
    with _connected(settings, settings.smtp_host) as server:
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)


def _connected(settings: Settings, host: str) -> smtplib.SMTP:
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, settings.smtp_port, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(host, settings.smtp_port, timeout=TIMEOUT_SECONDS)
