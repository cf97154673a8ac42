/* Consent: whether a subscription's receiver is asked before it gets events, and what its answer
 * means (CloudEvents HTTP webhooks 1.0.2, chapter 4). */
#pragma once
#include <stdbool.h>
#include "config/config.h"
#include "core/text.h"
#include "subscription/push_config.h"
#include "subscription/status.h"

struct bud_subscription; /* subscription/subscription.h */

/* The reason of an active one whose receiver has not agreed, by the rule LOW_RATE. */
#define BUD_CONSENT_NOT_GRANTED "not granted"

/* What the server's rule (`delivery.verify`) and the subscription's own wish come to; never
 * DEFAULT. An owner cannot wish the server's rule away. */
enum bud_verify bud_consent_method(
	enum bud_verify_rule rule, const struct bud_subscription *subscription);
/* Whether `made` must be asked now: it is new (`old` is NULL), goes to another sink, or is to be
 * asked in a way in which it was not. Then call bud_consent_start() on the status to be stored. */
bool bud_consent_is_needed(enum bud_verify_rule rule, const struct bud_subscription *old,
	const struct bud_subscription *made);
/* What was granted is void. An active one is pending from now on; a paused or disabled one stays
 * what it is, and is pending when it is resumed: call this again then. */
void bud_consent_start(struct bud_subscription_status *status, int64_t now_ms);
/* What was granted, or bounded as nothing was, is void, and nobody is asked instead. */
void bud_consent_forget(struct bud_subscription_status *status);
/* The receiver agrees: active, unless it was paused or disabled meanwhile. 0: no bound. The key
 * stays until it is too old: who did not hear our answer may say the same again. */
void bud_consent_grant(
	struct bud_subscription_status *status, uint32_t rate_per_min, int64_t now_ms);

/* "*" (0, no bound) or a positive number, of which a huge one is no bound either; false for
 * anything else. */
bool bud_consent_read_rate(struct bud_span text, uint32_t *out_rate_per_min);

/* The final head of an answer to OPTIONS. `out_why` is a sentence for people when the receiver did
 * not agree; static. Only the header fields count, not the status. */
bool bud_consent_judge(struct bud_span head, const char *origin, uint32_t asked_rate_per_min,
	uint32_t *out_rate_per_min, const char **out_why);

/* The key that is in a callback's URL and lets its bearer agree in the receiver's name: until when,
 * and 256 random bits. */
#define BUD_CONSENT_KEY_BYTES 96
void bud_consent_make_key(int64_t until_ms, char out[BUD_CONSENT_KEY_BYTES]);
/* When the key of its status, as it is stored, ends; 0: it has none. */
int64_t bud_consent_key_until(const struct bud_subscription *subscription);
/* Whether its status has this key, in force. Compares in a time that does not tell how much of it
 * is right. */
bool bud_consent_key_is(
	const struct bud_subscription *subscription, struct bud_span key, int64_t now_ms);
