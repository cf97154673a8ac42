/* The instance guard: stands in front of authentication, and lets an instance token in place of a
 * login pass where events are read; one per worker. */
#pragma once
#include "http/authentication.h"

struct bud_instance_token; /* auth/instance_token.h */
struct bud_keyring;        /* crypto/keyring.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_quota;          /* auth/quota.h */
struct bud_request;        /* http/request.h */

/* All borrowed until the listener is closed. */
struct bud_instance_guard {
	struct bud_keyring *keyring;
	struct bud_quota *quota;
	struct bud_metrics *metrics;
	struct bud_authentication inner; /* asked in all other cases */
};

/* What to give the listener, in place of `inner`, and the guard as its owner. */
struct bud_authentication bud_instance_guard_hooks(struct bud_instance_guard *guard);

/* The token by which this request is let in; NULL: by something else. Lent until the reply. */
const struct bud_instance_token *bud_request_instance_token(const struct bud_request *request);
