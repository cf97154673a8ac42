/* The desk: what the parts of one worker's dispatch share. Everything is borrowed. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bud_authority;      /* auth/authorize.h */
struct bud_config;         /* config/config.h */
struct bud_decision_point; /* access/decision_point.h */
struct bud_endpoints;      /* dispatch/endpoint.h */
struct bud_fetch;          /* fetch/fetch.h */
struct bud_following;      /* store/following.h */
struct bud_keyring;        /* crypto/keyring.h */
struct bud_metrics;        /* core/metrics.h */
struct bud_quota;          /* auth/quota.h */
struct bud_register;       /* access/register.h */
struct bud_store;          /* store/store.h */
struct bud_table;          /* subscription/table.h */
struct uv_loop_s;

struct bud_desk {
	struct uv_loop_s *loop;
	struct bud_store *commands; /* never blocks */
	struct bud_store *reading;  /* a connection of its own, for blocking reads */
	struct bud_fetch *fetch;
	struct bud_table *table;
	size_t table_reader;
	struct bud_endpoints *endpoints;
	struct bud_following *following;
	struct bud_keyring *keyring; /* the server's own keys, for v1a and RFC 9421 */
	struct bud_authority *authority;
	struct bud_decision_point *point; /* NULL: there is none */
	struct bud_register *reg;         /* NULL: there is none */
	struct bud_quota *quota;          /* NULL: nothing is bounded */
	const struct bud_config *config;
	struct bud_metrics *metrics;
	const char *node;
	unsigned worker; /* of this node, from 0 */
	unsigned workers;
};

/* Workers of all nodes, who share what a receiver takes at a time. */
unsigned bud_desk_sharers(const struct bud_desk *desk);
