"""Only a small, plain zip with our solution is taken."""

from __future__ import annotations

import base64
import io
import random
import warnings
import zipfile

import pytest

from errors import RefusedRequestError
from setup.solution import package as module
from setup.solution.package import LARGEST_PACKAGE, read_package
from solution.pack import packed
from solution.write_source import customizations_xml, solution_xml
from tests.unit.setup.solution.packages import encoded, zipped

ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    "<ImportExportXml>&b;</ImportExportXml>"
)
OUTSIDE = '<!DOCTYPE x SYSTEM "file:///etc/passwd"><ImportExportXml />'


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def twice() -> bytes:
    content = io.BytesIO(zipped())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the second one
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr("solution.xml", solution_xml())
    return content.getvalue()


def encrypted() -> bytes:
    content = bytearray(zipped())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 4)
    return bytes(content)


def broken() -> bytes:
    content = bytearray(zipped())
    middle = content.find(b"PK\x03\x04") + 60
    content[middle : middle + 40] = bytes(40)
    return bytes(content)


def test_what_the_packer_writes_is_taken_as_it_is():
    package = read_package(text(packed()))
    assert package.version == "1.0.0.0"
    assert package.content == packed()
    assert package.digest != read_package(encoded({"more.txt": "more"})).digest


def test_a_package_of_a_mebibyte_is_taken():
    large = encoded({"Other/image.png": random.Random(1).randbytes(1024 * 1024)})
    assert len(read_package(large).content) > 1024 * 1024


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ("no base64!", "not base64"),
        (text(b"no zip"), "no readable zip"),
        (text(zipped()[:-30]), "no readable zip"),
        (text(broken()), "no readable zip"),
        (text(bytes(LARGEST_PACKAGE + 1)), "larger than"),
        (text(encrypted()), "encrypted"),
        (text(twice()), "twice"),
        (encoded({"solution.xml": None}), "no solution.xml"),
        (encoded({"customizations.xml": None}), "no customizations.xml"),
        (encoded({"solution.xml": None, "deep/solution.xml": solution_xml()}), "no solution.xml"),
        (encoded({"../evil.txt": "x"}), "with the name"),
        (encoded({"/evil.txt": "x"}), "with the name"),
        (encoded({"a\\b.txt": "x"}), "with the name"),
        (encoded({"c:evil.txt": "x"}), "with the name"),
        (encoded({f"{number}.txt": "x" for number in range(500)}), "more than 500 files"),
        (encoded({"solution.xml": "<ImportExportXml>"}), "no well-formed XML"),
        (encoded({"solution.xml": solution_xml() + " " * 1024 * 1024}), "is larger than"),
        (encoded({"solution.xml": ""}), "no well-formed XML"),
        (encoded({"solution.xml": ENTITIES}), "declares a document type"),
        (encoded({"customizations.xml": OUTSIDE}), "declares a document type"),
        (encoded({"solution.xml": solution_xml().replace(">Coupler<", ">Other<")}), "'Other'"),
        (encoded({"solution.xml": customizations_xml()}), "''"),
        (encoded({"solution.xml": solution_xml().replace("1.0.0.0", "latest")}), "'latest'"),
    ],
)
def test_each_strange_package_is_refused_for_what_is_wrong(sent, why):
    with pytest.raises(RefusedRequestError) as refused:
        read_package(sent)
    assert (refused.value.status, refused.value.code) == (422, "package-not-valid")
    assert why in refused.value.message
    assert "solution.pack" in refused.value.hint


def test_a_zip_bomb_is_refused_without_being_unpacked(monkeypatch):
    read: list[int] = []
    whole = zipfile.ZipExtFile.read

    def counting(self, size=-1):
        read.append(size)
        return whole(self, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counting)
    bomb = encoded({"bomb.txt": bytes(30 * 1024 * 1024)})
    with pytest.raises(RefusedRequestError, match="unpacks to more"):
        read_package(bomb)
    assert max(read) <= 16 * 1024 * 1024 + 1


def test_many_files_may_not_unpack_to_more_than_one_may(monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_WHOLE", 20_000)
    with pytest.raises(RefusedRequestError, match="unpacks to more"):
        read_package(encoded({"a.txt": bytes(9_000), "b.txt": bytes(9_000)}))
