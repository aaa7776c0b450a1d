"""`./dev run`: everything on this machine, until Ctrl-C."""

import argparse
import datetime
import importlib
import ipaddress
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

from devtools.live import options_from_environment, var
from devtools.servers import ServerError
from devtools.supervisor import StartError, System

PORT = 8000
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__)
    parser.add_argument("--empty", action="store_true", help="no demo data; prints a code for the first administrator")
    parser.add_argument("--lan", action="store_true", help="serve the local network over TLS")
    parser.add_argument("--port", type=int, default=PORT)
    chosen = parser.parse_args(arguments)
    root = var()
    is_demo = _is_demo(root, empty=chosen.empty)
    extra = (("HUZHU_DEMO", "1"),) if is_demo else ()
    options = options_from_environment(port=chosen.port, extra=extra)
    if chosen.lan:
        address = lan_address()
        certificate = make_certificate(root / "tls", address)
        options = options_from_environment(
            port=chosen.port,
            extra=extra,
            host="0.0.0.0",  # noqa: S104 - it is asked for
            public_host=address,
            certificate=certificate,
        )
    system = System(root, options, say=say, show=say)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        system.is_interrupted = True

    for number in _STOP_SIGNALS:
        signal.signal(number, interrupt)
    try:
        system.start_servers()
        system.migrate()
        if is_demo:  # before any process runs: history is booked at the time it happened
            _load_demo_once(system)
        system.start_processes()
        _greet(system, is_demo=is_demo)
        system.watch()
    except (StartError, ServerError) as error:
        say(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        pass
    finally:
        if system.parts:
            say("Stopping …")
            system.stop()
            say("Stopped.")
    return 0


def say(words: str) -> None:
    try:
        print(words, flush=True)
    except BrokenPipeError:  # nobody reads any more, as in `./dev run | head`; the system runs on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_demo(root: Path, *, empty: bool) -> bool:
    """What this folder was begun as stays: demo data never mixes with real people."""
    record = root / "begun-as"
    if not record.exists():
        root.mkdir(parents=True, exist_ok=True)
        record.write_text("empty" if empty else "demo")
    is_demo = record.read_text() == "demo"
    if empty and is_demo:
        say(f"{root} holds the demo; for an empty start name another folder: HUZHU_VAR=var-empty ./dev run --empty")
        raise SystemExit(1)
    return is_demo


def _load_demo_once(system: System) -> None:
    """Load unless it is loaded. `seeding` is left by a loader that was stopped half-way: then begin anew."""
    seeding, seeded = system.root / "seeding", system.root / "seeded"
    if seeded.exists():
        return
    if seeding.exists():
        if system.postgres is None:  # somebody else's server: nothing is removed there without being told to
            raise StartError("The demo data was loaded in part. Begin anew with:  ./dev seed --fresh")
        system.empty_servers()
        system.migrate()
    say("Loading the demo data (once) …")
    seeding.touch()
    # A process of its own: it needs every service's code, the runner needs none.
    load = [sys.executable, "-c", "from devtools import seed; seed.load()"]
    system.run(load, system.installation.everything(), "seed", system.say)
    seeding.rename(seeded)


def seed(arguments: list[str]) -> int:
    """`./dev seed [--fresh]`: load the demo data; fresh: after removing everything that is there."""
    root = var()
    _is_demo(root, empty=False)
    if (root / "begun-as").read_text() != "demo":
        raise StartError(f"{root} was begun empty, for real people; demo data does not go there.")
    # Nothing is served, so nothing is marked as the demo here: HUZHU_DEMO is for ./dev run alone.
    system = System(root, options_from_environment(), say=say)
    try:
        system.start_servers()
        if "--fresh" in arguments:
            for name in ("seeding", "seeded"):
                (root / name).unlink(missing_ok=True)
            system.empty_servers()
        system.migrate()
        _load_demo_once(system)
    finally:
        system.stop()
    return 0


def _greet(system: System, *, is_demo: bool) -> None:
    from qrcode.main import QRCode

    say(f"\nHuzhu 互助 is ready:  {system.public_url}\n")
    if is_demo:
        for login in importlib.import_module("devtools.seed").LOGINS:
            say(f"  {login}")
    else:
        _print_first_code(system)
    code = QRCode(border=1)
    code.add_data(system.public_url)
    code.print_ascii(invert=sys.stdout.isatty())
    say(f"Data and logs: {system.root}    Ctrl-C stops everything.\n")


def _print_first_code(system: System) -> None:
    command = [sys.executable, "-m", "flask", "--app", "services.members.app:create_app", "first-admin-code"]
    lines: list[str] = []
    try:
        system.run(command, system.installation.service("members"), "first-admin-code", lines.append)
    except StartError:
        return  # there is an administrator already
    if code := next(filter(None, reversed(lines)), None):
        say(f"One-time code for the first administrator:  {code}\n  Use it at {system.public_url}/first\n")


# --- The local network ------------------------------------------------------------------------------


def lan_address() -> str:
    """This machine's address in the local network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # no packet is sent; the kernel only chooses a route
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def make_certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate for this machine's names, kept while it names the address and is not near its end."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    now = datetime.datetime.now(datetime.UTC)
    addresses = {ipaddress.ip_address(name) for name in (address, "127.0.0.1", "::1")}
    if certificate_file.exists():
        known = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if addresses <= set(names.get_values_for_type(x509.IPAddress)) and known.not_valid_after_utc > now + _WEEK:
            return certificate_file, key_file
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Huzhu on the local network")])
    hosts = {"localhost", socket.gethostname()}
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(
            x509.SubjectAlternativeName(
                [*map(x509.DNSName, sorted(hosts)), *map(x509.IPAddress, sorted(addresses, key=str))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file.touch(mode=0o600)
    private = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return certificate_file, key_file


_WEEK = datetime.timedelta(days=7)
