// Verifies webhooks with the npm package standardwebhooks: a JSON line in, a JSON line out.
// In: {secret, headers, body_base64}. Out: {ok: true} or {ok: false, reason}.
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

const webhooks = new Map();

function verify({ secret, headers, body_base64 }) {
  let webhook = webhooks.get(secret);
  if (!webhook) {
    webhook = new Webhook(secret);
    webhooks.set(secret, webhook);
  }
  webhook.verify(Buffer.from(body_base64, "base64").toString("utf8"), headers);
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer = { ok: true };
  try {
    verify(JSON.parse(line));
  } catch (error) {
    answer = { ok: false, reason: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
