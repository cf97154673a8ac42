"""The kit of the end-to-end stories: the real program, receivers, ledgers."""
from kit.api import Api, Answer
from kit.issuer import Issuer, Key, issuers_settings, make_token
from kit.ledger import Ledger, Publisher, check, make_event
from kit.load import Load
from kit.node import Budstikke, PrivateRedis, Program, binary, kill_embedded_redis
from kit.port import hold_port
from kit.raw import RawReceiver, read_request, send_forever
from kit.receiver import Receiver, Reply
from kit.redis import Redis
from kit.verify import Verifier
from kit.wait import folder, patience, scaled, wait_until

__all__ = ["Api", "Answer", "Budstikke", "Issuer", "Key", "Ledger", "Load", "PrivateRedis",
           "Program", "Publisher", "RawReceiver", "Receiver", "Redis", "Reply", "Verifier",
           "binary", "check", "folder", "hold_port", "issuers_settings", "kill_embedded_redis",
           "make_event", "make_token", "patience", "read_request", "scaled", "send_forever",
           "wait_until"]
