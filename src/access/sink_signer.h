/* The signer of what is sent to a subscription's sink, as its owner wishes. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_key_set;      /* crypto/keyring.h */
struct bud_signer;       /* crypto/signer.h */
struct bud_subscription; /* subscription/subscription.h */

/* With every secret that signs at `now_ms`; `*out_until_ms`: until one of them does not any more.
 * v1a and RFC 9421 are made with the keys of `set`, which may be NULL if neither is wished. NULL:
 * there is no key. */
struct bud_signer *bud_sink_signer_create(const struct bud_subscription *subscription,
	const struct bud_key_set *set, int64_t now_ms, int64_t *out_until_ms);
/* Whether its signatures need the server's own keys. */
bool bud_sink_needs_keys(const struct bud_subscription *subscription);
