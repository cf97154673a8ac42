// Verifies the Ed25519 signatures of a delivery, v1a and RFC 9421, with nothing but a JWK set: a
// JSON line in, a JSON line out.
// In: {keys, url, headers, body}. Out: {v1a: [kid], rfc9421: [kid]}; fails on what does not verify.
import { createHash, createPublicKey, verify } from "node:crypto";
import { createInterface } from "node:readline";

const load = (jwk) => [jwk.kid, createPublicKey({ key: jwk, format: "jwk" })];

function must(truth, text) {
  if (!truth) throw new Error(text);
}

function v1a({ headers, body }, keys) {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  return (headers["webhook-signature"] ?? "").split(" ").filter((one) => one.startsWith("v1a,"))
    .map((one) => {
      const bytes = Buffer.from(one.slice(4), "base64");
      const found = keys.find(([, key]) => verify(null, Buffer.from(signed), key, bytes));
      must(found, "no key verifies " + one);
      return found[0];
    });
}

function component(name, { url, headers }) {
  const { host, pathname, search } = new URL(url);
  const value = {
    "@method": "POST", "@target-uri": url,
    "@authority": host, "@path": pathname, "@query": search || "?",
  }[name] ?? headers[name];
  must(value !== undefined, "no component " + name);
  return `"${name}": ${value}`;
}

function rfc9421(delivery, keys) {
  const { headers, body } = delivery;
  if (!headers["signature-input"]) return [];
  const digest = createHash("sha256").update(body).digest("base64");
  must(headers["content-digest"] === `sha-256=:${digest}:`, "content-digest");
  const inputs = [...headers["signature-input"].matchAll(/(sig\d+)=(\(([^)]*)\)[^,]*)/g)];
  return inputs.map(([, label, parameters, names]) => {
    const lines = names.split(" ").map((name) => component(name.slice(1, -1), delivery));
    const base = [...lines, `"@signature-params": ${parameters}`].join("\n");
    const kid = /;keyid="([^"]*)"/.exec(parameters)[1];
    const key = keys.find(([name]) => name === kid);
    const bytes = new RegExp(label + "=:([^:]*):").exec(headers.signature)[1];
    must(key && verify(null, Buffer.from(base), key[1], Buffer.from(bytes, "base64")),
      label + " does not verify: " + base);
    must(names.includes("content-digest"), names);
    must(names.includes("@target-uri") || names.includes('"@authority" "@path" "@query"'), names);
    return kid;
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const delivery = JSON.parse(line);
  const keys = delivery.keys.map(load);
  process.stdout.write(
    JSON.stringify({ v1a: v1a(delivery, keys), rfc9421: rfc9421(delivery, keys) }) + "\n");
}
