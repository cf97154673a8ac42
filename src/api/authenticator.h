/* The authenticator: finds out who asks, from the request's API key or token, before a handler sees
 * it; one per worker. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "core/list.h"
#include "core/text.h"
#include "http/authentication.h"

struct bud_metrics;     /* core/metrics.h */
struct bud_scope_rules; /* auth/scope_rules.h */
struct bud_token_cache; /* auth/token_cache.h */
struct bud_trust;       /* auth/trust.h */
struct bud_trust_set;   /* auth/trust.h */

/* All borrowed until it is finished. */
struct bud_authenticator_options {
	struct bud_trust *trust;
	const struct bud_scope_rules *rules;
	struct bud_metrics *metrics;
	struct bud_span person_key; /* of the hashes of person numbers; the same on all nodes */
	bool takes_keys;
	bool takes_tokens;
};

struct bud_authenticator {
	struct bud_authenticator_options options;
	struct bud_token_cache *cache;
	const struct bud_trust_set *set; /* as it was last */
	struct bud_list waiting;         /* requests whose issuer is asked for its keys */
	unsigned waiting_n;
	bool is_stopped;
};

void bud_authenticator_init(
	struct bud_authenticator *authenticator, const struct bud_authenticator_options *options);
/* What to give the listener, and the authenticator as its owner. */
struct bud_authentication bud_authenticator_hooks(struct bud_authenticator *authenticator);
/* Every 20 ms or so: goes on with what waited. `mono_ms` is bud_clock_mono_ms(). */
void bud_authenticator_tick(struct bud_authenticator *authenticator, int64_t mono_ms);
/* Answers all that waits, and from now on nothing waits. Before the listener is closed; the struct
 * must stay until it is. */
void bud_authenticator_stop(struct bud_authenticator *authenticator);
void bud_authenticator_finish(struct bud_authenticator *authenticator);
