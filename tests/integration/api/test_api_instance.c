/* Instance tokens in front of logins, on a real Redis: a token shows what its maker published or
 * owns, whoever holds it; it opens no other route and makes no other token; without one who asks
 * about logins decides. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>
#include <jansson.h>

#include "api/desk.h"
#include "api/instance_guard.h"
#include "api/instance_tokens.h"
#include "api/pull.h"
#include "auth/authorize.h"
#include "auth/identity.h"
#include "auth/policy.h"
#include "config/redis_url.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "crypto/keyring.h"
#include "crypto/signing_key.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"
#include "ingest/ingest.h"
#include "read/pull.h"
#include "redis/client.h"
#include "redis_server.h"
#include "store/index_key.h"
#include "store/store.h"
#include "wait_until.h"

#define READ "GET /events?resourceinstance=50012%2Fone"

static const char policy_text[] =
	"{\"resources\":[{\"resource\":\"urn:r\",\"owner\":\"/org/owner\"}],"
	"\"rules\":[{\"who\":[\"/org/pub\"],\"actions\":[\"publish\"]},"
	"{\"who\":[\"/org/friend\"],\"actions\":[\"read\"],\"resources\":[\"urn:r\"]}]}";

static struct redis_server server;
static uv_loop_t loop;
static struct bud_redis *redis;
static struct bud_store store;
static struct bud_shard shard;
static struct bud_authority *authority;
static struct bud_keyring *keyring;
static struct bud_metrics metrics;
static struct bud_ingest *ingest;
static struct bud_pull *pull;
static struct bud_listener *listener;
static struct bud_api_desk desk;
static struct bud_instance_guard guard;
static struct bud_route_table tables[3];
static _Atomic(const char *) durability = "fsync";
static bool is_set_up;

/* A login: X-Who says who, X-May what for. */
static void ask_who(void *owner, struct bud_request *request)
{
	struct bud_span who = bud_request_header(request, "X-Who");
	struct bud_identity *identity;
	bud_auto(free) char *name = NULL;

	(void)owner;
	if (!who.at) {
		bud_reply_problem(request, 401, "unauthenticated", "Who asks is not known", NULL);
		return;
	}
	name = bud_strndup(who.at, who.len);
	identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, name);
	identity->needs = bud_request_header(request, "X-Poor").at ? 0 : ~0u;
	request->identity = identity;
	bud_request_admit(request);
}

static void leave(void *owner, struct bud_request *request)
{
	(void)owner;
	if (request->identity != &bud_identity_nobody)
		bud_identity_unref((struct bud_identity *)(uintptr_t)request->identity);
	request->identity = &bud_identity_nobody;
}

static void on_set_up(void *owner, int err, const char *text)
{
	(void)owner;
	if (err < 0)
		fail_msg("%s", text);
	is_set_up = true;
}

static void on_up(void *owner)
{
	(void)owner;
	assert_int_equal(bud_store_setup(&store, &shard, on_set_up, NULL), 0);
}

static void open_redis(void)
{
	struct bud_redis_url url;
	struct bud_redis_options options = {.url = &url,
		.scripts = bud_store_scripts,
		.scripts_n = bud_store_scripts_n,
		.on_up = on_up};

	redis_server_start(&server, NULL);
	assert_int_equal(bud_redis_url_parse(bud_span(server.url), &url, NULL), 0);
	redis = bud_redis_open(&loop, &options);
	bud_store_init(&store, redis, &shard);
	wait_until(is_set_up);
}

static void open_authority(void)
{
	struct bud_signing_key *key = bud_signing_key_generate();
	struct bud_policy *policy;

	authority = bud_authority_create(&(struct bud_authority_options){0});
	assert_int_equal(bud_policy_parse(bud_span(policy_text), &policy, NULL), 0);
	bud_authority_set_policy(authority, policy);
	keyring = bud_keyring_create();
	assert_true(bud_keyring_put(keyring, &key, 1, 1));
}

static void open_listener(void)
{
	struct bud_listener_options options = {
		.host = "127.0.0.1", .tables = tables, .n_tables = 3};
	int err = 0;

	desk = (struct bud_api_desk){.store = &store,
		.authority = authority,
		.keyring = keyring,
		.metrics = &metrics,
		.pull = pull};
	guard = (struct bud_instance_guard){.keyring = keyring,
		.metrics = &metrics,
		.inner = {.ask = ask_who, .leave = leave, .everybody = &bud_identity_nobody}};
	tables[0] = (struct bud_route_table){bud_ingest_routes, bud_ingest_routes_n, ingest};
	tables[1] = (struct bud_route_table){bud_pull_routes, bud_pull_routes_n, &desk};
	tables[2] = (struct bud_route_table){
		bud_instance_tokens_routes, bud_instance_tokens_routes_n, &desk};
	options.authentication = bud_instance_guard_hooks(&guard);
	listener = bud_listener_open(&loop, &options, &err);
	assert_non_null(listener);
}

static int group_set_up(void **state)
{
	(void)state;
	uv_loop_init(&loop);
	open_redis();
	open_authority();
	ingest = bud_ingest_open(&(struct bud_ingest_options){.loop = &loop,
		.store = &store,
		.authority = authority,
		.metrics = &metrics,
		.index_kinds = BUD_INDEX_ALL,
		.window_ms = 600000,
		.durability = &durability});
	pull = bud_pull_open(&(struct bud_pull_options){
		.loop = &loop, .store = &store, .metrics = &metrics, .kinds = BUD_INDEX_ALL});
	open_listener();
	return 0;
}

static void on_listener_closed(void *owner)
{
	*(bool *)owner = true;
}

static int group_tear_down(void **state)
{
	bool is_closed = false;

	(void)state;
	bud_pull_stop(pull);
	bud_listener_close(listener, on_listener_closed, &is_closed);
	wait_until(is_closed);
	bud_store_detach(&store);
	bud_redis_close(redis);
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	bud_ingest_close(ingest);
	bud_pull_close(pull);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	bud_store_finish(&store);
	bud_authority_destroy(authority);
	bud_keyring_destroy(keyring);
	redis_server_finish(&server);
	return 0;
}

/* The last answer. */
static char answer[65536];

static bool is_answered(int fd, size_t *len)
{
	ssize_t n;

	while ((n = recv(fd, answer + *len, sizeof(answer) - 1 - *len, MSG_DONTWAIT)) > 0)
		*len += (size_t)n;
	answer[*len] = '\0';
	return n == 0;
}

static int ask(const char *request_line, const char *fields, const char *body)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)bud_listener_port(listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bud_auto(buffer) struct bud_buffer text = {0};
	size_t len = 0;

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	bud_buffer_format(
		&text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", request_line, fields);
	if (body)
		bud_buffer_format(&text, "Content-Length: %zu\r\n", strlen(body));
	bud_buffer_format(&text, "\r\n%s", body ? body : "");
	assert_int_equal(send(fd, text.at, text.len, 0), text.len);
	wait_until(is_answered(fd, &len));
	close(fd);
	assert_true(len > 12);
	return atoi(answer + 9);
}

static json_t *body_of_answer(void)
{
	json_t *body = json_loads(strstr(answer, "\r\n\r\n"), 0, NULL);

	assert_non_null(body);
	return body;
}

static void publish(const char *who, const char *id, const char *resource)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	bud_auto(buffer) struct bud_buffer fields = {0};

	bud_buffer_format(
		&fields, "X-Who: %s\r\nContent-Type: application/cloudevents+json\r\n", who);
	bud_buffer_format(&body,
		"{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/s\",\"type\":\"t\","
		"\"resource\":\"%s\",\"resourceinstance\":\"50012/one\"}",
		id, resource);
	assert_int_equal(ask("POST /events", fields.at, body.at), 202);
}

/* The field that carries a token that `who` made. */
static void make_token(const char *who, struct bud_buffer *out_field)
{
	bud_auto(buffer) struct bud_buffer fields = {0};
	json_auto_t *body = NULL;

	bud_buffer_format(&fields, "X-Who: %s\r\n", who);
	assert_int_equal(
		ask("POST /instance-tokens", fields.at, "{\"resourceinstance\":\"50012/one\"}"),
		201);
	body = body_of_answer();
	bud_buffer_clear(out_field);
	bud_buffer_format(out_field, "Authorization: Bearer %s\r\n",
		json_string_value(json_object_get(body, "token")));
}

/* What the holder of `who`'s token sees: ids in order. */
static void must_show(const char *who, const char *ids)
{
	bud_auto(buffer) struct bud_buffer field = {0};
	bud_auto(buffer) struct bud_buffer found = {0};
	json_auto_t *body = NULL;
	json_t *item;
	size_t i;

	make_token(who, &field);
	assert_int_equal(ask(READ, field.at, NULL), 200);
	body = body_of_answer();
	bud_buffer_text(&found, "");
	json_array_foreach(json_object_get(body, "items"), i, item)
	{
		bud_buffer_text(&found, json_string_value(json_object_get(item, "id")));
	}
	assert_string_equal(found.at, ids);
}

static void shows_what_is_its_makers(void **state)
{
	(void)state;
	publish("/org/pub", "1", "urn:r");
	publish("/org/pub", "2", "urn:free");
	publish("/org/owner", "3", "urn:r");
	must_show("/org/pub", "12");
	must_show("/org/owner", "13");
	/* May read them itself, but not show them to others. */
	must_show("/org/friend", "");
	must_show("/org/else", "");
}

static void leaves_the_rest_to_logins(void **state)
{
	bud_auto(buffer) struct bud_buffer field = {0};
	bud_auto(buffer) struct bud_buffer both = {0};

	(void)state;
	make_token("/org/pub", &field);
	assert_int_equal(ask(READ, "", NULL), 401);
	assert_int_equal(ask(READ, "X-Who: /org/friend\r\n", NULL), 200);
	assert_int_equal(ask(READ, "Authorization: Bearer a.b.c\r\n", NULL), 401);
	assert_null(strstr(answer, "invalid-token"));
	/* It opens no other route, and makes no other token. */
	assert_int_equal(
		ask("POST /instance-tokens", field.at, "{\"resourceinstance\":\"50012/one\"}"),
		401);
	assert_int_equal(ask("POST /events", field.at, "{}"), 401);
	/* Which of two counts is not ours to say. */
	bud_buffer_format(&both, "%s%s", field.at, field.at);
	assert_int_equal(ask(READ, both.at, NULL), 401);
	assert_null(strstr(answer, "invalid-token"));
}

static void refuses_what_it_does_not_open(void **state)
{
	bud_auto(buffer) struct bud_buffer field = {0};

	(void)state;
	make_token("/org/pub", &field);
	assert_int_equal(ask("GET /events?resourceinstance=50012%2Ftwo", field.at, NULL), 403);
	assert_int_equal(ask("GET /events?resource=urn:r", field.at, NULL), 403);
	assert_int_equal(ask(READ "&resource=urn:free", field.at, NULL), 200);
	field.at[field.len - 4] ^= 1;
	assert_int_equal(ask(READ, field.at, NULL), 401);
	assert_non_null(strstr(answer, "invalid-token"));
	assert_int_equal(ask("POST /instance-tokens", "X-Who: /org/pub\r\nX-Poor: 1\r\n",
				 "{\"resourceinstance\":\"50012/one\"}"),
		403);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_what_is_its_makers),
		cmocka_unit_test(leaves_the_rest_to_logins),
		cmocka_unit_test(refuses_what_it_does_not_open),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
