"""The certificate of `./dev run --lan`."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from devtools.run import make_certificate


def _addresses(certificate: Path) -> set[str]:
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(map(str, names.get_values_for_type(x509.IPAddress)))


def test_the_certificate_names_the_address_that_phones_open(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path / "tls", "192.0.2.7")
    assert _addresses(certificate) >= {"192.0.2.7", "127.0.0.1"}
    assert key.stat().st_mode & 0o077 == 0
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)


@pytest.mark.parametrize(("second", "is_kept"), [("192.0.2.7", True), ("192.0.2.8", False)])
def test_a_certificate_is_kept_while_it_names_the_address(tmp_path: Path, second: str, is_kept: bool) -> None:
    certificate, _key = make_certificate(tmp_path, "192.0.2.7")
    first = certificate.read_bytes()
    make_certificate(tmp_path, second)
    assert (certificate.read_bytes() == first) == is_kept
    assert second in _addresses(certificate)
