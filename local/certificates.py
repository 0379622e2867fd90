"""A certificate authority of this machine's own and a server certificate it signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import trustme
from cryptography import x509

_NAMES = ("127.0.0.1", "localhost")
_RENEW_BEFORE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths of PEM files."""

    ca: Path
    """The local authority alone."""
    bundle: Path
    """The public authorities and the local one: what the function app trusts outward."""
    certificate: Path
    """The chain that local servers of 127.0.0.1 and localhost present."""
    key: Path
    """The servers' private key, readable by its owner only."""


def ensure_certificates(directory: Path) -> Certificates:
    """The certificates in ``directory``, made anew where missing or about to expire."""
    files = Certificates(
        ca=directory / "ca.pem",
        bundle=directory / "bundle.pem",
        certificate=directory / "server.pem",
        key=directory / "server.key",
    )
    if not _is_usable(files):
        _issue(files)
    return files


def _is_usable(files: Certificates) -> bool:
    if not all(path.is_file() for path in (files.ca, files.bundle, files.certificate, files.key)):
        return False
    try:
        ends = [
            x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
            for path in (files.ca, files.certificate)
        ]
    except ValueError:
        return False
    return min(ends) > datetime.now(UTC) + _RENEW_BEFORE


def _issue(files: Certificates) -> None:
    files.ca.parent.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Coupler on this machine")
    server = authority.issue_cert(*_NAMES)
    files.key.touch(mode=0o600)
    server.private_key_pem.write_to_path(files.key)
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    local = authority.cert_pem.bytes()
    files.ca.write_bytes(local)
    files.bundle.write_bytes(Path(certifi.where()).read_bytes().rstrip() + b"\n" + local)
