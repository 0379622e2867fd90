from __future__ import annotations

import ssl
import stat

import certifi
from cryptography import x509

from local.certificates import ensure_certificates


def test_certificates_are_kept_while_they_are_valid(tmp_path):
    first = ensure_certificates(tmp_path).certificate.read_bytes()
    assert ensure_certificates(tmp_path).certificate.read_bytes() == first


def test_a_missing_or_broken_file_makes_all_of_them_anew(tmp_path):
    files = ensure_certificates(tmp_path)
    for broken in (files.ca, files.certificate):
        before = files.ca.read_bytes()
        broken.write_text("no certificate")
        assert ensure_certificates(tmp_path).ca.read_bytes() != before
    before = files.ca.read_bytes()
    files.key.unlink()
    assert ensure_certificates(tmp_path).ca.read_bytes() != before


def test_the_bundle_trusts_the_public_authorities_and_the_local_one(tmp_path):
    files = ensure_certificates(tmp_path)
    local = ssl.create_default_context(cafile=str(files.ca)).cert_store_stats()["x509_ca"]
    public = ssl.create_default_context(cafile=certifi.where()).cert_store_stats()["x509_ca"]
    both = ssl.create_default_context(cafile=str(files.bundle)).cert_store_stats()["x509_ca"]
    assert (local, both) == (1, public + 1)


def test_the_server_certificate_is_for_this_machine_only(tmp_path):
    files = ensure_certificates(tmp_path)
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {"127.0.0.1", "localhost"}


def test_only_the_owner_reads_the_key(tmp_path):
    mode = stat.S_IMODE(ensure_certificates(tmp_path).key.stat().st_mode)
    assert mode == 0o600
