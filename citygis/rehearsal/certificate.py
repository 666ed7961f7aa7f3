"""A certificate of the server's own for 127.0.0.1 and localhost, made anew at each start."""

import datetime
import ipaddress
import os
from pathlib import Path

from citygis.errors import SyncError


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """
    A self-signed certificate and its key.

    Parameters
    ----------
    folder : path
        Of the server's own; the files are new in it.

    Returns
    -------
    certificate, key : Path
        PEM. The key can be read by its owner only.

    Raises
    ------
    SyncError
        If the package that makes it is not installed.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID
    except ImportError:
        raise SyncError("A rehearsal needs the package cryptography. Install it: pip install 'citygis[arcgis]'") from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "citygis rehearsal")])
    now = datetime.datetime.now(datetime.UTC)
    places = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(places), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = []
    for path, content in ((folder / "certificate.pem", certificate.public_bytes(pem)), (folder / "key.pem", secret)):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        paths.append(path)
    return paths[0], paths[1]
