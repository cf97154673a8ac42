/* A worker with the API alone: a listener, a private Redis, and a table that follows the registry,
 * on a thread of its own; and a client that reads JSON. */
#pragma once
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>
#include "api/desk.h"
#include "api/health.h"
#include "api/keys.h"
#include "api/pauses.h"
#include "api/subscriptions.h"
#include "config/config.h"
#include "core/metrics.h"
#include "redis_server.h"
#include "store/following.h"
#include "store/member.h"
#include "store/store.h"

struct api_node {
	struct redis_server server;
	pthread_t thread;
	uv_loop_t loop;
	uv_timer_t tick;
	struct bud_redis *redis;
	struct bud_store store;
	struct bud_shard shard;
	struct bud_table *table;
	struct bud_keyring *keyring;
	struct bud_authority *authority; /* an open one without a policy */
	const char *policy;
	struct bud_pull *pull; /* of all that can be indexed */
	struct bud_config config;
	struct bud_subscriptions_api subscriptions;
	struct bud_api_desk desk;
	struct bud_health_api health;
	struct bud_pauses_api pauses;
	struct bud_key_keeper *key_keeper;
	struct bud_keys_api keys;
	struct bud_readiness readiness;
	struct bud_following following;
	struct bud_metrics metrics;
	const struct bud_metrics *sets[1];
	struct bud_listener *listener;
	int port;
	atomic_bool is_set_up;
	atomic_bool is_keyed;
	bool is_reading;           /* the registry is being read */
	struct bud_member version; /* that the table will have then */
	/* For the test: */
	atomic_bool holds_table;    /* the table stays as it is */
	atomic_bool wants_api_stop; /* done when false again */
	atomic_bool wants_close;
};

/* One node at a time. Returns when Redis is up and followed. A command may take so long; 0: as long
 * as a real node waits. */
void api_node_start(struct api_node *node, int command_timeout_ms);
/* The same with authentication, of a kind: a request is from who its field `X-Who` names, with the
 * scopes that `X-Scopes` has, else from local; and this policy decides ("{}": it says nothing). */
void api_node_start_with(struct api_node *node, const char *policy);
/* Fails the test when anything is left in the loop. */
void api_node_finish(struct api_node *node);

struct api_answer {
	int status;
	char head[4096];
	json_t *body; /* NULL when it is no JSON */
	char *text;   /* the body as it came */
};

/* `fields` is header lines with CR LF, or NULL; so may `body` be. */
int api_send(const struct api_node *node, const char *request_line, const char *fields,
	const char *body);
/* Reads the answer and closes. */
void api_read(int fd, struct api_answer *out_answer);
void api_answer_finish(struct api_answer *answer);
/* The value of a header field, "" when it is not there; valid until the next call. */
const char *api_field(const struct api_answer *answer, const char *name);
/* The text at a member of the body, "" when it is not there. */
const char *api_text(const struct api_answer *answer, const char *name);
