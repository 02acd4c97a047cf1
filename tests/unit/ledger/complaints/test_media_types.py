"""Content is of the type that it is declared as, or refused; each accepted type is known by its own signature."""

import hashlib

import pytest

from ledger.complaints.media_types import (
    MEDIA_TYPES,
    EvidenceAmbiguousError,
    EvidenceTypeMismatchError,
    Examiner,
    examine,
)

SAMPLES = {
    "application/pdf": b"%PDF-1.7\n",
    "audio/aac": b"\xff\xf1\x50\x80",
    "audio/amr": b"#!AMR\n\x3c",
    "audio/mp4": b"\x00\x00\x00\x20ftypM4A \x00",
    "audio/mpeg": b"\xff\xfb\x90\x00",
    "audio/ogg": b"OggS\x00\x02",
    "audio/wav": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "audio/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm",
    "image/gif": b"GIF89a\x01\x00",
    "image/heic": b"\x00\x00\x00\x18ftypheic\x00",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "image/png": b"\x89PNG\r\n\x1a\n\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "text/plain": "\ufeffDia minta OTP \U0001f600.\r\n< 5 menit\t".encode(),
    "video/mp4": b"\x00\x00\x00\x20ftypisom\x00",
    "video/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm",
}
ALIKE = {frozenset({"audio/mp4", "video/mp4"}), frozenset({"audio/webm", "video/webm"})}
"""Of the same container, what is in it shows only when it is played."""


def test_every_accepted_type_has_a_sample():
    assert SAMPLES.keys() == MEDIA_TYPES


@pytest.mark.parametrize("kind", sorted(SAMPLES))
class TestContent:
    def test_is_taken_as_what_it_is(self, kind):
        assert examine(SAMPLES[kind], kind, field="f") == hashlib.sha256(SAMPLES[kind]).hexdigest()

    def test_is_taken_as_nothing_else(self, kind):
        for other in MEDIA_TYPES - {kind}:
            if frozenset({kind, other}) not in ALIKE and not (other == "text/plain" and kind == "audio/amr"):
                with pytest.raises(EvidenceTypeMismatchError):
                    examine(SAMPLES[kind], other, field="f")

    def test_is_hashed_alike_whatever_its_parts(self, kind):
        content = SAMPLES[kind] + (b"a" * 200_000 if kind == "text/plain" else bytes(200_000))
        for size in (1_000, 65_537, len(content)):
            examiner = Examiner(kind, field="f")
            for begins in range(0, len(content), size):
                examiner.feed(content[begins : begins + size])
            assert examiner.finish() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"\n <!DOCTYPE html>",
        b"<?xml version='1.0'?><svg/>",
        b"<SVG onload=x>",
        b"#!/bin/sh\n",
        b"a\x00b",
        b"\xc3",
    ],
)
def test_text_is_no_page_no_program_and_no_other_encoding(content):
    with pytest.raises(EvidenceTypeMismatchError):
        examine(content, "text/plain", field="f")


@pytest.mark.parametrize("at", [6, 1_000])
def test_a_picture_that_begins_as_a_page_is_refused(at):
    with pytest.raises(EvidenceAmbiguousError):
        examine(b"GIF89a".ljust(at, b"\x00") + b"<script>alert(1)</script>", "image/gif", field="f")


@pytest.mark.parametrize("comment", [b"", b"x" * 65_535])
def test_a_picture_that_ends_as_an_archive_is_refused_whatever_its_comment(comment):
    end = b"PK\x05\x06" + bytes(16) + len(comment).to_bytes(2, "little") + comment
    with pytest.raises(EvidenceAmbiguousError):
        examine(SAMPLES["image/png"] + bytes(1_000) + end, "image/png", field="f")
    assert examine(SAMPLES["image/png"] + end + b"!", "image/png", field="f")
