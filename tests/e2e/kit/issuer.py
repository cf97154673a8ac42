"""A token issuer: real keys, real signatures (by the openssl command), its metadata and its JWK set
over HTTP on loopback. What it answers, and how often it was asked, is the story's."""
import base64
import json
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kit.port import hold_port

METADATA = "/.well-known/openid-configuration"
JWKS = "/jwks"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, data=None):
    done = subprocess.run(["openssl", *words], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def read_der(data):
    """The contents of one DER value, and what stands behind it."""
    length, at = data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return data[at:at + length], data[at + length:]


def raw_ecdsa(der):
    """r and s, 32 bytes each, as JOSE has them."""
    inner, _ = read_der(der)
    first, rest = read_der(inner)
    second, _ = read_der(rest)
    return b"".join(int.from_bytes(n, "big").to_bytes(32, "big") for n in (first, second))


class Key:
    """A key pair for `alg`: RS256, RS384, RS512, PS256, ES256 or EdDSA."""

    KINDS = {"R": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
             "P": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
             "ES": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
             "Ed": ["-algorithm", "ED25519"]}

    def __init__(self, kid, alg="RS256"):
        self.kid, self.alg = kid, alg
        kind = alg[:2] if alg[0] == "E" else alg[0]
        self.folder = tempfile.TemporaryDirectory(prefix="budstikke-key-")
        self.path = str(Path(self.folder.name) / "key.pem")
        openssl("genpkey", *self.KINDS[kind], "-out", self.path)
        self.public_der = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")

    def public_pem(self):
        return openssl("pkey", "-in", self.path, "-pubout")

    def jwk(self, **more):
        jwk = {"kid": self.kid, "use": "sig", **more}
        if self.alg == "ES256":
            x, y = self.public_der[-64:-32], self.public_der[-32:]
            return {**jwk, "kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)}
        if self.alg == "EdDSA":
            return {**jwk, "kty": "OKP", "crv": "Ed25519", "x": base64url(self.public_der[-32:])}
        modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip()
        n = bytes.fromhex(modulus.removeprefix("Modulus="))
        return {**jwk, "kty": "RSA", "n": base64url(n), "e": "AQAB"}

    def sign(self, data):
        if self.alg == "EdDSA":
            with tempfile.NamedTemporaryFile() as file:
                file.write(data)
                file.flush()
                return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.path,
                               "-in", file.name)
        more = []
        if self.alg[0] == "P":
            more = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
        made = openssl("dgst", f"-sha{self.alg[2:]}", *more, "-sign", self.path, data=data)
        return raw_ecdsa(made) if self.alg == "ES256" else made


def make_token(key, payload, header=None):
    """`payload`: an object, or the bytes as they are."""
    head = {"alg": key.alg, "kid": key.kid, "typ": "JWT"} if header is None else header
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    signed = f"{base64url(json.dumps(head).encode())}.{base64url(payload)}"
    return f"{signed}.{base64url(key.sign(signed.encode()))}"


class Issuer:
    """`keys` are published, the first one signs. `answer(path) -> (status, headers, bytes) or None`
    runs before the usual answer; None is that. `asked` counts requests by path."""

    def __init__(self, *keys, answer=None):
        self.keys = list(keys) or [Key("one")]
        self.answer = answer
        self.asked = {}
        self.max_age = None
        self.held, self.port = hold_port()  # while it is down, too
        self.server = None
        self.go_up()

    def go_up(self):
        """Listens again, on the same port."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked[self.path] = issuer.asked.get(self.path, 0) + 1
                usual = issuer.usual(self.path)
                status, headers, body = (issuer.answer and issuer.answer(self.path)) or usual
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def go_down(self):
        """Refuses connections."""
        self.server.shutdown()
        self.server.server_close()

    @property
    def name(self):
        return f"http://127.0.0.1:{self.port}/"

    def usual(self, path):
        headers = {"Content-Type": "application/json"}
        if self.max_age is not None:
            headers["Cache-Control"] = f"max-age={self.max_age}"
        if path == METADATA:
            said = {"issuer": self.name, "jwks_uri": self.name.rstrip("/") + JWKS}
        elif path == JWKS:
            said = {"keys": [key.jwk() for key in self.keys]}
        else:
            return 404, {}, b""
        return 200, headers, json.dumps(said).encode()

    def claims(self, seconds=120, **claims):
        now = int(time.time())
        return {"iss": self.name, "iat": now, "exp": now + seconds, **claims}

    def token(self, key=None, header=None, seconds=120, **claims):
        """Names with other characters than Python takes: token(**{"urn:altinn:org": "ttd"})."""
        return make_token(key or self.keys[0], self.claims(seconds, **claims), header)

    def entry(self, **members):
        """For the file of issuers."""
        algorithms = sorted({key.alg for key in self.keys})
        return {"issuer": self.name, "discovery": self.name.rstrip("/") + METADATA,
                "algorithms": algorithms, **members}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.go_down()
        self.held.close()


def issuers_settings(home, *entries):
    """Writes the file of issuers; the settings for a node that trusts them."""
    path = Path(home) / "issuers.json"
    path.write_text(json.dumps({"issuers": list(entries)}), encoding="utf-8")
    return {"auth.mode": "keys,jwt", "auth.issuers": path, "auth.allow_http": "yes"}
