/* budstikke/webhook.h: checks that a webhook was signed with one of your secrets, by Standard
 * Webhooks 1.0.0 (https://www.standardwebhooks.com), signature versions v1 (HMAC-SHA256) and v1a
 * (Ed25519). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What senders allow for, either side of now. */
#define BUD_WEBHOOK_TOLERANCE_S 300

/* The values of the three request headers, NUL-terminated; NULL where the request has none. */
struct bud_webhook_headers {
	const char *id; /* webhook-id: the same for each repeat, so drop what you have seen */
	const char *timestamp; /* webhook-timestamp: seconds since 1970 */
	const char *signature; /* webhook-signature: a list, parted by spaces */
};

/* `secrets` are `n` texts: `whsec_...` for v1, the sender's public key `whpk_...` for v1a; give the
 * old and the new one while they are changed. One of them is enough to fit. `body` is the request's
 * bytes as they came, before any parsing. `now_s` is the time, seconds since 1970.
 * 0: genuine, and at most `tolerance_s` old or ahead.
 * -EINVAL: a header is missing, or the timestamp is no number.
 * -ETIME: too old or too far ahead.
 * -EKEYREJECTED: no secret given, or one of them is malformed ("" and "whsec_" are).
 * -EBADMSG: no signature fits. -ENOMEM: out of memory.
 * For v1, takes the same time whichever signature fits. Of v1a, the first 16 are looked at. Safe to
 * call from several threads. */
int bud_webhook_verify(const char *const *secrets, size_t n,
	const struct bud_webhook_headers *headers, const void *body, size_t body_len, int64_t now_s,
	int64_t tolerance_s);

#ifdef __cplusplus
}
#endif
