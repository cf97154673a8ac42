#!/usr/bin/env python3
"""The kit itself: a checker that misses a loss would make every story green."""
import base64
import hmac
import json
import time
import unittest

from kit import Api, Ledger, Receiver, Reply, Verifier, check, make_event


class Kit(unittest.TestCase):
    def deliver(self, receiver, path, event, webhook_id="msg_1", **headers):
        return Api(receiver.url, 2).request(
            "POST", "/" + path, event, {"webhook-id": webhook_id, **headers}).status

    def test_the_checker_finds_each_fault(self):
        ledger = Ledger()
        events = [ledger.make(i) for i in range(4)]
        ledger.answer([("/stories", str(i)) for i in range(3)], "accepted")
        ledger.answer([("/stories", "3")], "refused")
        wants = {"a": lambda entry: True}
        with Receiver() as receiver:
            for i in range(3):
                self.deliver(receiver, "a", events[i], f"msg_{i}")
            report = check(ledger, receiver, wants)
            report.must_be_clean()
            self.assertEqual((report.expected, report.duplicates), (3, []))
            self.deliver(receiver, "a", events[2], "msg_2")
            self.assertEqual(len(check(ledger, receiver, wants).duplicates), 1)
            lost = receiver.deliveries.pop(0)
            self.assertEqual(check(ledger, receiver, wants).lost, [("a", "/stories", "0")])
            receiver.deliveries.append(lost)
            self.deliver(receiver, "a", events[3], "msg_3")
            self.assertEqual(len(check(ledger, receiver, wants).phantom), 1)
            receiver.deliveries.pop()
            self.deliver(receiver, "b", events[0], "msg_0b")
            self.assertEqual(len(check(ledger, receiver, wants).phantom), 1)
            receiver.deliveries.pop()
            self.deliver(receiver, "a", events[0].replace(b"1E+2", b"1E+3"), "msg_0")
            self.assertEqual(len(check(ledger, receiver, wants).changed), 1)
            receiver.deliveries.pop()
            self.deliver(receiver, "a", events[0], "msg_other")
            self.assertEqual(len(check(ledger, receiver, wants).changed), 1)
            receiver.deliveries.pop()
            self.deliver(receiver, "a", make_event("stranger"), "msg_9")
            self.assertEqual(len(check(ledger, receiver, wants).phantom), 1)

    def test_rewritten_data_has_another_digest(self):
        ledger = Ledger()
        event = ledger.make("x")
        ledger.answer([("/stories", "x")], "accepted")
        with Receiver() as receiver:
            self.deliver(receiver, "a", json.dumps(json.loads(event)).encode())
            self.assertEqual(len(check(ledger, receiver, {"a": lambda e: True}).changed), 1)

    def test_answers_as_told(self):
        replies = {"slow": Reply(200, delay_s=0.1),
                   "gone": Reply(410, body=b"no", headers={"retry-after": "3"}),
                   "drop": Reply(drop=True)}
        with Receiver(lambda d: replies.get(d.path)) as receiver:
            api = Api(receiver.url, 2)
            began = time.monotonic()
            self.assertEqual(api.request("POST", "/slow", b"{}").status, 200)
            self.assertGreater(time.monotonic() - began, 0.09)
            answer = api.request("POST", "/gone", b"{}")
            self.assertEqual((answer.status, answer.headers["retry-after"]), (410, "3"))
            with self.assertRaises(OSError):
                api.request("POST", "/drop", b"{}")
            receiver.go_down()
            with self.assertRaises(OSError):
                api.request("POST", "/slow", b"{}")
            receiver.go_up()
            self.assertEqual(api.request("POST", "/slow", b"{}").status, 200)

    def test_binary_mode_is_read(self):
        with Receiver() as receiver:
            self.deliver(receiver, "a", b"<x/>", **{"ce-id": "7", "ce-source": "/s"})
            self.assertEqual(receiver.ids("a"), {("/s", "7")})

    def test_signatures_come_from_another_implementation(self):
        secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
        headers = {"webhook-id": "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                   "webhook-timestamp": "1649367553",
                   "webhook-signature": "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="}
        body = b'{"email":"test@example.com","username":"test_user"}'
        with Receiver() as receiver, Verifier() as verifier:
            Api(receiver.url).request("POST", "/a", body, headers)
            faults = verifier.faults(receiver.deliveries, {"a": secret})
            self.assertEqual(len(faults), 1, "too old")
            self.assertIn("old", faults[0][1])
            headers["webhook-timestamp"] = now = str(int(time.time()))
            key = base64.b64decode(secret.removeprefix("whsec_"))
            signed = f"{headers['webhook-id']}.{now}.".encode() + body
            mac = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
            for signature, wrong in ((f"v1,{mac}", 0), (f"v1,x v1,{mac}", 0), ("v1,AAAA", 1)):
                headers["webhook-signature"] = signature
                receiver.deliveries.clear()
                Api(receiver.url).request("POST", "/a", body, headers)
                self.assertEqual(len(verifier.faults(receiver.deliveries, {"a": secret})), wrong)

    def test_fast_enough(self):
        """Rate of the receiver with 50 pipelined requests on each of 8 connections in turn."""
        import socket
        event = make_event("speed", filler=800)
        head = f"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: {len(event)}\r\n\r\n"
        request = head.encode() + event
        with Receiver() as receiver:
            began = time.monotonic()
            sockets = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(8)]
            for _ in range(5):
                for s in sockets:
                    s.sendall(request * 50)
                for s in sockets:
                    got = b""
                    while got.count(b"\r\n\r\n") < 50:
                        got += s.recv(65536)
            rate = len(receiver.deliveries) / (time.monotonic() - began)
            for s in sockets:
                s.close()
        print(f"receiver: {rate:.0f} requests/s")
        self.assertGreater(rate, 1000)


if __name__ == "__main__":
    unittest.main(warnings="ignore")
