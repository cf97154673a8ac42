/* How a receiver is reached, made of its subscription: the target with everything that is the same
 * in each request, and the signer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_desk;         /* dispatch/desk.h */
struct bud_key_set;      /* crypto/keyring.h */
struct bud_signer;       /* crypto/signer.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_target;       /* fetch/target.h */

/* Its own headers, its credential, its certificates. NULL: the sink is not allowed here any more.
 * `*out_until_ms` (wall clock): from then on the credential is not good; 0: there is none that may
 * be sent now; INT64_MAX: it does not end. */
struct bud_target *bud_wire_target(const struct bud_desk *desk,
	const struct bud_subscription *subscription, int64_t now_ms, int64_t *out_until_ms);
/* With every secret that signs at `now_ms`; `*out_until_ms`: until one of them does not any more.
 * v1a and RFC 9421 are made with the keys of `set`, which
 * may be NULL if neither is wished. NULL: there is no key. */
struct bud_signer *bud_wire_signer(const struct bud_subscription *subscription,
	const struct bud_key_set *set, int64_t now_ms, int64_t *out_until_ms);
/* Whether its signatures need the server's own keys. */
bool bud_wire_needs_keys(const struct bud_subscription *subscription);
