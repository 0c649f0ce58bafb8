"""Addresses: what is one, what of it may be shown, and what a list on a server may name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.core.addresses import beside, folder_of, is_plain_elsewhere, scheme, shown

LIST = "s3://bucket/a/list.csv"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@host:8/a/b.jpg?X-Amz-Signature=s#f", "https://host:8/a/b.jpg"),
        ("https://host/a@b.jpg", "https://host/a@b.jpg"),
        ("https://u:p@host", "https://host"),
        ("https://u:p?@host/x", "https://u:p"),  # no server would understand it, and nothing more is shown
        ("s3://bucket/odd?name#1@.jpg", "s3://bucket/odd?name#1@.jpg"),
        ("/folder/a?b@c.jpg", "/folder/a?b@c.jpg"),
    ],
)
def test_secrets_are_not_shown(text, expected):
    assert shown(text) == expected


@given(secret=st.text("abcXYZ0189%-_.~", min_size=12), path=st.text("abc/", max_size=8))
def test_no_user_and_no_signature_survives(secret, path):
    assert secret not in shown(f"https://u:{secret}@host/{path}")
    assert secret not in shown(f"https://host/{path}?sig={secret}")
    assert secret not in shown(f"http://host?{secret}/{path}")


@pytest.mark.parametrize(
    ("base", "name", "expected"),
    [
        (LIST, "b.jpg", "s3://bucket/a/b.jpg"),
        (LIST, "./sub/b c.jpg", "s3://bucket/a/sub/b c.jpg"),
        (LIST, "../b.jpg", "s3://bucket/b.jpg"),
        (LIST, "../../b.jpg", None),
        (LIST, "/etc/passwd", None),
        (LIST, "gs://other/b.jpg", "gs://other/b.jpg"),
        ("https://host/a/list.csv?sig=1", "b c.jpg", "https://host/a/b%20c.jpg"),
        ("https://host/a/list.csv", "../../../b.jpg", "https://host/b.jpg"),
        ("https://host/a/list.csv", "//other/b.jpg", None),
        ("https://host/a/list.csv", "odd:1?.jpg", "https://host/a/odd%3A1%3F.jpg"),
    ],
)
def test_what_a_list_names(base, name, expected):
    """Relative to the list, never out of its bucket or server, never a path of this machine."""
    assert beside(base, name) == expected


def test_schemes_and_folders():
    assert [scheme(text) for text in ("S3://b/k", "s3:/b", "C:\\x", "a/b://c", "")] == ["s3", "", "", "", ""]
    assert folder_of("s3://bucket/a/b.jpg") == "s3://bucket/a"
    assert (folder_of("a/b.jpg"), folder_of("b.jpg")) == ("a", ".")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("http://localhost:80/a", False),
        ("http://127.0.0.1/a", False),
        ("http://[::1]:9/a", False),
        ("https://host/a", False),
        ("http://host/a", True),
        ("http://127.0.0.1.evil/a", True),
        ("http://localhost@evil/a", True),
        ("http://[broken/a", True),
    ],
)
def test_plain_http_is_for_this_machine(text, plain):
    assert is_plain_elsewhere(text) is plain
