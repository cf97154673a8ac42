/* The verifier: asks the receivers of pending subscriptions whether they want our events, again and
 * again until they agree, and writes what they say. */
#pragma once
#include <stdint.h>

struct bud_config;       /* config/config.h */
struct bud_fetch;        /* fetch/fetch.h */
struct bud_keyring;      /* crypto/keyring.h */
struct bud_store;        /* store/store.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_verifier;     /* opaque; belongs to the control thread */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_verify_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_fetch *fetch;
	const struct bud_config *config;
	struct bud_keyring *keyring; /* for what is signed with the server's keys; may be NULL */
	int64_t tick_ms;             /* how often it looks who is due; 0: 500 */
	int64_t minute_ms;           /* the unit of its schedule; 0: a minute */
};

struct bud_verifier *bud_verifier_open(const struct bud_verify_options *options);
/* What the follower tells (lifecycle/follow.h). The subscription is lent. */
void bud_verifier_on_changed(
	struct bud_verifier *verifier, const struct bud_subscription *subscription);
void bud_verifier_on_deleted(struct bud_verifier *verifier, const char *id);
/* After the connection and the client are closed. Asynchronous; NULL is fine. */
void bud_verifier_close(struct bud_verifier *verifier);
