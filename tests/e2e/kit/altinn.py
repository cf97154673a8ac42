"""Who uses Altinn Events, with real tokens: service owners, users, system users, apps; and a client
that speaks as theirs do."""
import json
from urllib.parse import quote

from kit.api import Api
from kit.issuer import Issuer, Key, issuers_settings, make_token
from kit.node import Budstikke
from kit.wait import patience, wait_until

BASE = "/events/api/v1"
APP = "urn:altinn:resource:app_ttd_apps-test"
SUBSCRIBE = "altinn:events.subscribe"
PUBLISH = "altinn:events.publish"
CLOUDEVENT = "application/cloudevents+json"


class Client(Api):
    """A caller of Altinn Events: its bearer token, and maybe a PlatformAccessToken."""

    def __init__(self, url, token, platform=None):
        super().__init__(url, patience(10), token)
        self.platform = platform

    def call(self, method, path, body=None, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.platform:
            fields["PlatformAccessToken"] = self.platform
        return self.request(method, BASE + path, body, fields)

    def publish(self, event):
        return self.call("POST", "/events", json.dumps(event), content_type=CLOUDEVENT)

    def subscribe(self, endpoint, **filters):
        """The subscription; AssertionError unless 201."""
        answer = self.call("POST", "/subscriptions", {"endPoint": endpoint, **filters})
        assert answer.status == 201, answer
        return answer.json()

    def subscriptions(self):
        answer = self.call("GET", "/subscriptions")
        assert answer.status == 200, answer
        body = answer.json()
        assert body["count"] == len(body["subscriptions"]), body
        return body["subscriptions"]

    def wait_validated(self, made):
        path = f"/subscriptions/{made['id']}"
        wait_until(lambda: self.call("GET", path).json()["validated"],
                   lambda: f"not validated: {self.call('GET', path)}", 30)

    def query(self, path, **parameters):
        """One page: (events, `next` or None)."""
        headers = parameters.pop("headers", {})
        words = [f"{k.rstrip('_')}={quote(str(one), safe='')}" for k, v in parameters.items()
                 for one in (v if isinstance(v, list) else [v])]
        answer = self.call("GET", path + "?" + "&".join(words), **headers)
        assert answer.status == 200, answer
        return answer.json(), answer.headers.get("next")

    def follow(self, following, **headers):
        """The page that `next` names."""
        assert following.startswith(self.base_url), following
        answer = self.request("GET", following[len(self.base_url):], None, headers)
        assert answer.status == 200, answer
        return answer.json(), answer.headers.get("next")

    @property
    def base_url(self):
        return f"http://{self.host}:{self.port}"


class Altinn:
    """A node whose callers have tokens of one issuer, and apps those of their own."""

    def __init__(self, home, settings=None, policy=None, parties=None, apps=("ttd/apps-test",)):
        self.issuer = Issuer()
        self.app_keys = {app: Key(app.replace("/", "-"), "ES256") for app in apps}
        entries = [{"issuer": app, "use": "platform", "algorithms": ["ES256"],
                    "jwks": {"keys": [key.jwk()]}}
                   for app, key in self.app_keys.items()]
        # `scope` may stand under Altinn's own name.
        bearer = self.issuer.entry(scope_claims=["urn:altinn:scope", "scope"])
        self.settings = {"pull.enabled": "yes", "auth.scope_publish": PUBLISH,
                         "auth.scope_subscribe": SUBSCRIBE, "auth.scope_read": SUBSCRIBE,
                         **issuers_settings(home, bearer, *entries)}
        for name, content in (("policy", policy), ("parties", parties)):
            if content is not None:
                path = home / f"{name}.json"
                path.write_text(json.dumps(content), encoding="utf-8")
                self.settings[f"auth.{name}_file"] = path
        self.node = Budstikke(home / "data", {**self.settings, **(settings or {})})

    def client(self, platform=None, seconds=3600, **claims):
        token = self.issuer.token(None, None, seconds, **claims)
        return Client(self.node.url, token, platform)

    def org(self, acronym, number, *scopes, platform=None):
        """A service owner."""
        return self.client(platform, **{
            "urn:altinn:org": acronym, "urn:altinn:orgNumber": number,
            "scope": " ".join(scopes)})

    def user(self, user_id, party, *scopes):
        """A person, exchanged from ID-porten."""
        return self.client(**{
            "urn:altinn:userid": user_id, "urn:altinn:partyid": party, "urn:altinn:authlevel": 3,
            "urn:altinn:scope": " ".join(scopes)})

    def system_user(self, uuid, org_number, *scopes):
        """An end-user system that acts for an organisation, exchanged from Maskinporten."""
        return self.client(scope=" ".join(scopes), authorization_details=[{
            "type": "urn:altinn:systemuser", "systemuser_id": [uuid], "system_id": "hund",
            "systemuser_org": {"authority": "iso6523-actorid-upis", "ID": f"0192:{org_number}"}}])

    def organisation(self, number, *scopes):
        """One without an acronym, by Maskinporten."""
        return self.client(scope=" ".join(scopes), consumer={
            "authority": "iso6523-actorid-upis", "ID": f"0192:{number}"})

    def app(self, name):
        """What an app publishes with: a user's token and its own."""
        claims = {**self.issuer.claims(3600), "iss": name}
        return self.client(make_token(self.app_keys[name], claims), **{
            "urn:altinn:userid": 1, "urn:altinn:partyid": 2})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.issuer.__exit__()
        self.node.__exit__(*error)


def app_event(party, instance="6fb3f738-6800-4f29-9f3e-1c66862656cd", app="ttd/apps-test", **more):
    return {"specversion": "1.0", "type": "app.instance.process.completed",
            "source": f"https://ttd.apps.altinn.no/{app}/instances/{party}/{instance}",
            "subject": f"/party/{party}", **more}


def cloud_event(identity, resource=APP, kind="app.instance.created", **more):
    return {"specversion": "1.0", "id": str(identity), "source": "https://ttd.apps.altinn.no/x",
            "type": kind, "resource": resource, **more}
