/* What the resources of the API share: one per worker, the context of their routes. */
#pragma once
#include <stddef.h>

struct bud_authority;      /* auth/authorize.h */
struct bud_config;         /* config/config.h */
struct bud_decision_point; /* access/decision_point.h */
struct bud_keyring;        /* crypto/keyring.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_pull;           /* read/pull.h */
struct bud_register;       /* access/register.h */
struct bud_quota;          /* auth/quota.h */
struct bud_store;          /* store/store.h */
struct bud_table;          /* subscription/table.h */

/* All borrowed. */
struct bud_api_desk {
	struct bud_store *store; /* not one that blocks */
	const struct bud_config *config;
	struct bud_authority *authority;
	struct bud_decision_point *point; /* NULL: there is none */
	struct bud_register *reg;         /* never NULL, though it may know nobody */
	struct bud_quota *quota;          /* NULL: nothing is bounded */
	struct bud_table *table;
	size_t table_reader; /* of this worker's thread */
	struct bud_keyring *keyring;
	struct bud_metrics *metrics; /* of this worker's thread */
	struct bud_pull *pull;       /* NULL: events cannot be read back */
};
