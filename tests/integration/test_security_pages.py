"""Pages are hostile: they read no file, reach no network, and cost a bounded time and memory."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.deployment import REPOSITORY

SECRET = "the-words-of-a-file-that-no-page-may-read"
BODY = "".join(
    f"<p>The harbour council voted on Monday, item {item}, to open the northern bridge to cyclists.</p>"
    for item in range(20)
)


@pytest.fixture
def listener() -> Generator[tuple[int, list[bytes]]]:
    """A port of this machine, and what anybody who came there said first: C code, too, is caught here."""
    heard: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                heard.append(connection.recv(200))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield server.getsockname()[1], heard
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(timeout=5)


def run(pages: list[dict[str, str]], folder: Path) -> list[dict[str, Any]]:
    given = folder / "pages.json"
    given.write_text(json.dumps(pages))
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.hostile_pages", str(given)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    # each page goes through the cleaner's own model, and through trafilatura
    assert len(found) == 2 * len(pages)
    return found


def test_a_page_reads_no_file_and_reaches_no_network(listener: tuple[int, list[bytes]], tmp_path: Path) -> None:
    port, heard = listener
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    away = f"http://127.0.0.1:{port}"
    doctypes = [
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]>',
        f'<!DOCTYPE html [<!ENTITY % d SYSTEM "{away}/x.dtd"> %d;]>',
        f'<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "{away}/xhtml1-strict.dtd">',
        f'<?xml version="1.0"?><?xml-stylesheet href="{away}/x.xsl"?><!DOCTYPE r [<!ENTITY x SYSTEM "{secret}">]>',
    ]
    links = (
        f'<base href="{away}/"><link rel="stylesheet" href="{away}/x.css"><link rel="amphtml" href="{away}/amp">'
        f'<link rel="canonical" href="{away}/c"><script src="{away}/x.js"></script>'
        f'<meta http-equiv="refresh" content="0;url={away}/"><meta property="og:image" content="{away}/x.png">'
    )
    inside = (
        f'<img src="{away}/x.png" srcset="{away}/y.png 2x"><iframe src="{away}/"></iframe>'
        f'<object data="{away}/"></object><svg><image href="{away}/x.svg"/></svg><p>&x;</p>'
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{secret}" parse="text"/>'
        f'<a href="file://{secret}">here</a><p>@import url({away}/x.css) <!--#include file="{secret}" --></p>'
    )
    page = f"<html><head><title>Bridge opens</title>{links}</head><body><article>{inside}{BODY}</article>"
    pages = [{"html": doctype + page} for doctype in doctypes]
    lines = BODY.replace("</p><p>", "\n").replace("<p>", "").replace("</p>", "")
    pages += [{"text": f"Bridge opens\n\n{lines}\n{away}/x\nfile://{secret}\n{inside}", "url": f"{away}/news/1"}]
    found = run(pages, tmp_path)
    assert [page["outcome"] for page in found if page["outcome"] != "emitted"] == []
    assert SECRET not in json.dumps(found)
    assert heard == []


HOSTILE = {
    "nested div": "<div>" * 100_000 + BODY,
    "nested inline": "<b>" * 100_000 + BODY,
    "nested tables": "<table><tr><td>" * 20_000 + BODY,
    "misnested": "<a><b>" * 10_000 + BODY,
    "nested svg": "<svg><g>" * 50_000 + BODY,
    "a billion laughs": '<!DOCTYPE html [<!ENTITY a "'
    + "A" * 1000
    + '"><!ENTITY b "'
    + "&a;" * 1000
    + '"><!ENTITY c "'
    + "&b;" * 1000
    + '">]><p>&c;</p>'
    + BODY,
    "character references": "&#65;" * 200_000 + BODY,
    "comments that do not end": "<!--" * 200_000 + BODY,
    "tags that do not end": "<" * 300_000 + BODY,
    "attributes": "<div " + " ".join(f"a{number}=1" for number in range(50_000)) + ">" + BODY,
    "one long class": "<div class='" + "x " * 500_000 + "'>" + BODY,
    "nested JSON-LD": '<script type="application/ld+json">' + '{"a":[' * 50_000 + "</script>" + BODY,
    "one long word": "<article><p>" + "a" * 1_000_000 + "</p>" + BODY,
}
LONG_TEXT = {
    "one long line": "a b " * 250_000,
    "blank lines": "\n" * 1_000_000 + "x",
    "ages": "2 hours ago " * 50_000,
    "bylines": "By Ilse Varga and " * 50_000,
}


@pytest.mark.long
def test_a_page_made_to_exhaust_costs_a_bounded_time_and_memory(tmp_path: Path) -> None:
    pages = [{"html": page} for page in HOSTILE.values()] + [{"text": text} for text in LONG_TEXT.values()]
    found = run(pages, tmp_path)
    names = [name for name in (*HOSTILE, *LONG_TEXT) for _ in range(2)]
    slow = [f"{name}: {page['seconds']:.1f} s" for name, page in zip(names, found, strict=True) if page["seconds"] > 10]
    assert slow == []
    assert max(page["peak_mb"] for page in found) < 1000
    # a billion A's would have been written
    assert max(len(value) for page in found for value in page["written"]) < 8_000_000
