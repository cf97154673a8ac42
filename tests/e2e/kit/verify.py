"""Signatures are verified by the npm package standardwebhooks in a node process of its own."""
import base64
import json
import os
import subprocess
import threading

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Verifier:
    def __init__(self):
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "verify.mjs")], cwd=HERE,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def faults(self, deliveries, secrets):
        """The deliveries that do not verify, as (delivery, reason). `secrets` by path."""
        def feed():
            for d in deliveries:
                headers = {k: v for k, v in d.headers.items() if k.startswith("webhook-")}
                line = {"secret": secrets[d.path], "headers": headers,
                        "body_base64": base64.b64encode(d.body).decode()}
                self.process.stdin.write(json.dumps(line).encode() + b"\n")
            self.process.stdin.flush()
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        found = []
        for d in deliveries:
            answer = json.loads(self.process.stdout.readline())
            if not answer["ok"]:
                found.append((d, answer["reason"]))
        feeder.join()
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
