"""What a policy says, asked on the command line; and a server that reads it again on SIGHUP."""
import json
import signal
import subprocess
from pathlib import Path

from kit import Budstikke, Receiver, binary, folder, wait_until
from kit.altinn import Altinn, SUBSCRIBE

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "policy-example.json"
APP = "urn:altinn:resource:app_ttd_apps-test"
COMPLETED = "app.instance.process.completed"
SYSTEM = "/systemuser/0f1e2d3c-4b5a-4697-8899-aabbccddeeff"


def ask(*words, file=EXAMPLE):
    ran = subprocess.run([binary(), "policy", "test", str(file), *words],
                         capture_output=True, text=True, timeout=20)
    return ran.returncode, ran.stdout.strip().replace("\t", ": "), ran.stderr


def story_test_command():
    """`policy test` says what the example policy decides, by which rule, and in its exit code."""
    assert ask() == (0, "the policy is fine", "")
    asked = ("--resource", APP, "--type", COMPLETED, "--subject", "/party/51326198")
    assert ask("--who", "/org/ttd", *asked)[:2] == \
        (0, "permit: owner of urn:altinn:resource:app_ttd_*")
    assert ask("--who", "/org/skd", *asked)[:2] == \
        (0, "permit: rule: the tax administration hears of completed processes")
    assert ask("--who", SYSTEM, *asked)[:2] == \
        (0, "permit: rule: end-user systems get their customers' events")
    assert ask("--who", SYSTEM, "--resource", APP, "--type", COMPLETED, "--subject", "/party/7",
               "--publisher", "/org/ttd")[0] == 3
    assert ask("--who", SYSTEM, "--resource", APP, "--type", "app.instance.draft.made",
               "--subject", "/party/51326198")[:2] == \
        (3, "deny: rule: drafts stay with their owner")
    bank = ("--who", "/organisation/974760673",
            "--resource", "urn:altinn:resource:dodsbo.domstoladmin.api")
    assert ask(*bank, "--scope", "x")[:2] == \
        (3, "deny: rule: approved banks hear of death estates, whoever died "
            "needs the scope altinn:events.subscribe")
    assert ask(*bank, "--scope", "altinn:events.subscribe")[0] == 0
    assert ask(*bank, "--action", "publish")[0] == 3
    assert ask("--who", "/org/x", "--resource", "urn:other", "--point")[0] == 4
    assert ask("--who", "/org/x", "--action", "write")[0] == 2
    assert ask("--nothing")[0] == 2


def story_bad_policy():
    """A wrong policy: the command and the server name its line; while it runs, the server keeps the
    one before, says so, and takes the next one that is right."""
    with folder() as home:
        file = home / "policy.json"
        file.write_text('{\n "rules": [],\n "onwers": []\n}\n')
        code, _, text = ask(file=file)
        assert code == 1 and "line 3: onwers: there is no such member; known here are" in text, text
        ran = subprocess.run([binary(), "serve", "--set", f"auth.policy_file={file}", "--set",
                              f"data.dir={home / 'none'}", "--set", "server.listen=127.0.0.1:0",
                              "--set", "admin.listen=127.0.0.1:0"],
                             capture_output=True, text=True, timeout=30)
        assert ran.returncode == 2 and "line 3: onwers" in ran.stderr, ran
        ran = subprocess.run([binary(), "check-config", "--set", f"auth.policy_file={file}"],
                             capture_output=True, text=True, timeout=30)
        assert ran.returncode == 2 and "line 3: onwers" in ran.stderr, ran
        file.write_text(json.dumps({"rules": []}))
        with Budstikke(home / "data", {"auth.policy_file": file}) as node:
            assert node.metric("policy_stale") == 0
            file.write_text("{]")
            node.process.send_signal(signal.SIGHUP)
            wait_until(lambda: node.metric("policy_stale") == 1, "it is said", 10)
            wait_until(lambda: "the policy is wrong" in node.tail(), node.tail, 10)
            file.write_text("{}")
            node.process.send_signal(signal.SIGHUP)
            wait_until(lambda: node.metric("policy_stale") == 0, "it is right again", 10)


def story_a_wide_subscription_needs_the_scope():
    """Who lacks the scope of a rule gets no subscription that its events may come to, however it is
    put: their deliveries come without a token. What cannot be among them may be subscribed to."""
    policy = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    policy["resources"].append({"resource": "urn:altinn:resource:free", "owner": "/org/da"})
    policy["rules"].append({"who": ["*"], "actions": ["subscribe"],
                            "resources": ["urn:altinn:resource:free"]})
    estate = "urn:altinn:resource:dodsbo.domstoladmin.api"
    wide = [{"filters": [{"exact": {"resource": estate}}]},
            {"filters": [{"prefix": {"resource": "urn:altinn:resource:dods"}}]},
            {"filters": [{"any": [{"exact": {"resource": estate}}, {"exact": {"resource": "r"}}]}]},
            {"types": ["no.altinn.events.digitalt-dodsbo.x"]}, {}]
    narrow = [{"filters": [{"exact": {"resource": "urn:altinn:resource:free"}}]},
              {"types": ["no.other"]}]
    with folder() as home, Receiver() as receiver, \
            Altinn(home, {"auth.scope_subscribe": f"other,{SUBSCRIBE}"}, policy) as altinn:
        def subscribe(bank, n, wish):
            return bank.request("POST", "/subscriptions", {
                "protocol": "HTTP", "sink": receiver.sink(str(n)), **wish})
        without = altinn.organisation("991825827", "other")
        for n, wish in enumerate(wide):
            answer = subscribe(without, n, wish)
            assert answer.status == 403 and SUBSCRIBE in answer.json()["detail"], (wish, answer)
            assert f'scope="{SUBSCRIBE}"' in answer.headers["www-authenticate"], answer
        for n, wish in enumerate(narrow):
            assert subscribe(without, n, wish).status == 201, wish
        approved = altinn.organisation("991825827", SUBSCRIBE)
        for n, wish in enumerate(wide):
            assert subscribe(approved, n, wish).status == 201, wish
