"""The commands beside serve: check-config, publish, subscribe, receive; the README's first one."""
import base64
import hmac
import http.client
import json
import os
import subprocess
import time

from kit import Api, Budstikke, Program, binary, folder, hold_port, patience, wait_until
from kit.node import ROOT


def run(*words, env=None, seconds=30):
    return subprocess.run([binary(), *map(str, words)], capture_output=True, text=True,
                          timeout=patience(seconds), env={**os.environ, **(env or {})},
                          check=False)


def story_check_config():
    with folder() as home:
        file = home / "budstikke.conf"
        file.write_text("[server]\nlisten = 127.0.0.1:9999\n\n[delivery]\nallow_http = yes\n",
                        encoding="utf-8")
        good = run("check-config", "--config", file, "--set", "workers=3",
                   env={"BUDSTIKKE_RETENTION_AGE_S": "60"})
        assert good.returncode == 0, good
        for words in ("127.0.0.1:9999", "workers", "3", "60"):
            assert words in good.stdout, (words, good.stdout)
        file.write_text("[server]\nlisten = 127.0.0.1:9999\nlissten = 1\n", encoding="utf-8")
        bad = run("check-config", "--config", file)
        assert bad.returncode != 0
        for words in (str(file), "3", "lissten", "listen"):
            assert words in bad.stderr, (words, bad.stderr)
        file.write_text("[delivery]\nallow_http = perhaps\n", encoding="utf-8")
        bad = run("check-config", "--config", file)
        assert bad.returncode != 0 and "yes" in bad.stderr and ":2" in bad.stderr, bad.stderr
        assert run("check-config", "--set", "workers=-1").returncode != 0
        assert run("check-config", "--set", "no.such=1").returncode != 0
        # What serve would refuse.
        for setting, words in (("auth.decision_url=nope", "auth.decision_url"),
                               ("auth.register_url=ftp://x/", "auth.register_url"),
                               ("auth.policy_file=/nowhere", "/nowhere"),
                               ("secrets.key=short", "secrets.key"),
                               ("memory.limit_bytes=512", "16m")):
            told = [run(command, "--set", setting, "--set", f"data.dir={home}/data")
                    for command in ("check-config", "serve")]
            assert all(one.returncode == 2 and words in one.stderr for one in told), told
        secret = run("check-config", "--set", "redis.url=redis://user:hunter2@host:6379")
        assert secret.returncode == 0 and "hunter2" not in secret.stdout + secret.stderr, secret


def story_generated_configuration():
    """deploy/budstikke.conf names every setting and changes none."""
    file = ROOT / "deploy/budstikke.conf"
    plain, with_file = run("check-config"), run("check-config", "--config", file)
    assert plain.returncode == with_file.returncode == 0, (plain, with_file)

    def settings(text):
        return [line.split("#")[0].split(";")[0].strip() for line in text.splitlines()
                if "=" in line.split("#")[0]]
    assert settings(plain.stdout) and settings(plain.stdout) == settings(with_file.stdout)
    written = file.read_text(encoding="utf-8")
    for line in settings(plain.stdout):
        name = line.split("=")[0].strip().rsplit(".", 1)[-1]
        assert name in written, f"{name} is missing in deploy/budstikke.conf"


def story_loopback_only():
    """Without authentication it refuses to listen anywhere else."""
    with folder() as home:
        for listen in ("0.0.0.0:0", "[::]:0"):
            refused = run("serve", "--set", f"server.listen={listen}",
                          "--set", f"data.dir={home}/data")
            assert refused.returncode != 0 and "loopback" in refused.stderr, refused


def story_usage():
    assert run("--help").returncode == 0
    assert "serve" in run("--help").stdout
    assert run("--version").returncode == 0
    unknown = run("dance")
    assert unknown.returncode != 0 and "serve" in unknown.stderr, unknown


def story_nobody_gets_the_answer():
    """An answer that could not be written is told and is no success: a key is shown only once."""
    with folder() as home, Budstikke(home / "data") as node:
        commands = [
            ["--help"], ["check-config"], ["publish", "--help"],
            ["publish", "--url", node.url, "--type", "t", "--source", "/s"],
            ["subscribe", "--url", node.url, "--sink", "https://example.com/a"],
            ["key", "create", "--url", node.admin, "--name", "/a", "--scope", "events:publish"]]
        for command in commands:
            for where in (">/dev/full", ">&-"):
                told = subprocess.run(
                    ["sh", "-c", f'exec "$@" {where}', "sh", binary(), *command],
                    stderr=subprocess.PIPE, timeout=patience(30), check=False)
                assert told.returncode == 1 and told.stderr, (command, where, told)


def story_closed_streams():
    """Without any of the three: no socket takes their place, and no line goes into one."""
    first, port = hold_port()
    second, admin_port = hold_port()
    with first, second, folder() as home:
        node = Budstikke(home / "data", {
            "server.listen": f"127.0.0.1:{port}", "log.level": "debug",
            "admin.listen": f"127.0.0.1:{admin_port}"}, start=False)
        with subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                               *map(str, node.arguments())]) as process:
            try:
                wait_until(lambda: is_ready(admin_port), "not ready", 20)
                answer = Api(f"http://127.0.0.1:{port}", patience(10)).publish(
                    {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"})
                assert answer.status == 202, answer
            finally:
                process.terminate()
                assert process.wait(patience(30)) == 0


def is_ready(port):
    try:
        return Api(f"http://127.0.0.1:{port}", 5).get("/readyz").status == 200
    except OSError:
        return False


def story_publish_subscribe_receive():
    """From one terminal to the next: receive prints what publish sent, verified."""
    with folder() as home, Budstikke(home / "data") as node:
        port = Program([binary(), "receive", "--listen", "127.0.0.1:0"], home / "receive.log")
        try:
            line = port.wait_line("listening ")
            sink = dict(w.split("=", 1) for w in line.split()[1:])["url"]
            made = run("subscribe", "--url", node.url, "--sink", sink)
            assert made.returncode == 0, made
            sent = run("publish", "--url", node.url,
                       *sorted((ROOT / "deploy/examples").glob("*.json")))
            assert sent.returncode == 0, sent
            # Of a batch what was not accepted is told by the exit code, too.
            batch = home / "batch.json"
            batch.write_text(json.dumps([{"specversion": "1.0", "id": "q", "source": "/q",
                                          "type": kind} for kind in ("t", "u")]))
            sent = run("publish", "--url", node.url, str(batch))
            assert sent.returncode == 1 and '"conflicts":[{"index":1' in sent.stdout, sent
            wait_until(lambda: sum("dialogporten" in line for line in port.lines) >= 4,
                       port.tail, 20)
        finally:
            port.process.terminate()
            port.wait()


def receive(home, *words):
    program = Program([binary(), "receive", "--listen", "127.0.0.1:0", *words],
                      home / "receive.log")
    line = program.wait_line("listening ")
    return program, dict(w.split("=", 1) for w in line.split()[1:])["url"]


def story_receive_as_told():
    """It verifies what it gets, and answers with a status, late, or not at all."""
    body = (ROOT / "deploy/examples/1-dialog-created.json").read_bytes()
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    head = {"webhook-id": "msg_1", "webhook-timestamp": str(int(time.time())),
            "content-type": "application/cloudevents+json"}
    key = base64.b64decode(secret[6:])
    text = f"msg_1.{head['webhook-timestamp']}.".encode() + body
    right = "v1," + base64.b64encode(hmac.digest(key, text, "sha256")).decode()

    def post(url, signature=right):
        return Api(url, patience(10)).request(
            "POST", "/", body, {**head, "webhook-signature": signature}).status

    with folder() as home:
        started = []
        try:
            program, url = receive(home, "--secret", secret)
            started.append(program)
            assert post(url) == 200
            assert post(url, "v1," + "A" * 43 + "=") == 401
            wait_until(lambda: "signature ok" in program.tail(), program.tail)
            program, url = receive(home, "--status", "503")
            started.append(program)
            assert post(url) == 503
            program, url = receive(home, "--delay-ms", "1000")
            started.append(program)
            began = time.monotonic()
            assert post(url) == 200 and time.monotonic() - began > 0.9
            program, url = receive(home, "--drop")
            started.append(program)
            try:
                raise AssertionError(f"answered with {post(url)}")
            except (OSError, http.client.HTTPException):
                pass
        finally:
            for program in started:
                program.process.terminate()
                assert program.wait() == 0, program.tail()


def story_quickstart():
    """The first of the README's two commands, twice."""
    script = ROOT / "deploy/quickstart.sh"
    for _ in range(2):
        done = subprocess.run([str(script), "--once"], capture_output=True, text=True,
                              timeout=patience(200), check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        assert done.stdout.count("signature ok") >= 5, done.stdout[-3000:]
