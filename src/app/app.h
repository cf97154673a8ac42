/* What all threads of one serve share: read-only once it is set up, or made for sharing. */
#pragma once
#include <stdatomic.h>
#include <stddef.h>
#include <uv.h>
#include "api/health.h"
#include "auth/scope_rules.h"
#include "config/config.h"
#include "core/metrics.h"
#include "store/following.h"
#include "store/store.h"

struct bud_authority; /* auth/authorize.h */
struct bud_control;   /* app/control.h */
struct bud_endpoints; /* dispatch/endpoint.h */
struct bud_keyring;   /* crypto/keyring.h */
struct bud_parties;   /* access/parties.h */
struct bud_quota;     /* auth/quota.h */
struct bud_sealer;    /* crypto/seal.h */
struct bud_trust;     /* auth/trust.h */
struct bud_table;     /* subscription/table.h */
struct bud_worker;    /* app/worker.h */

#define BUD_NODE_ID_BYTES 65

#define BUD_APP_METRICS_MAIN    0
#define BUD_APP_METRICS_CONTROL 1
#define BUD_APP_METRICS_WORKERS 2 /* and on */

/* Owned by the main thread; outlives all others. */
struct bud_app {
	struct bud_config config;
	struct bud_redis_url redis_url; /* of the embedded one, too */
	char node[BUD_NODE_ID_BYTES];
	char run[33]; /* unique to this start */
	struct bud_shard shard;
	atomic_bool is_full;       /* what the shard points to */
	struct bud_sealer *sealer; /* also in the shard; NULL: nothing is sealed */
	struct bud_table *table;
	struct bud_endpoints *endpoints;
	struct bud_keyring *keyring;
	struct bud_authority *authority;
	struct bud_parties *parties; /* of a file; NULL: there is none */
	struct bud_scope_rules scope_rules;
	struct bud_trust *trust;
	struct bud_quota *quota;
	struct bud_following following;
	struct bud_readiness readiness;
	_Atomic(const char *) durability; /* lifecycle/durability.h */
	uint16_t own_ports[4];            /* what the listeners got */
	struct bud_control *control;
	struct bud_worker **workers;
	unsigned workers_n;
	struct bud_metrics *metrics; /* a set per thread, BUD_APP_METRICS_* tells whose */
	const struct bud_metrics **metrics_list;
	size_t metrics_n;
	/* Threads wake the main thread when something below changed. */
	uv_async_t wake;
	atomic_bool is_joined;  /* our heartbeat is written */
	atomic_bool is_keyed;   /* the keyring has its keys, unless they cannot be opened */
	atomic_bool is_rivaled; /* another process goes by our node's name */
	atomic_uint n_ready;    /* workers whose connections have been up */
	atomic_uint n_drained;  /* workers that have nothing left in hand */
};
