/* The authenticator on a real listener: a token is checked once and then known; a key that is not
 * there is asked for and waited for, but not for ever; and each refusal says what it is, in the
 * words of RFC 6750. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "api/authenticator.h"
#include "auth/api_keys.h"
#include "auth/identity.h"
#include "auth/scope_rules.h"
#include "auth/trust.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "crypto/jwk.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"
#include "issuer.h"

#define TICK_MS 5

static uv_loop_t loop;
static uv_timer_t tick;
static struct bud_listener *listener;
static struct bud_authenticator authenticator;
static struct bud_metrics metrics;
static struct bud_scope_rules rules;
static struct bud_issuers *issuers;
static struct bud_trust *trust;
static struct test_key *key, *app;
static struct bud_jwk_set *key_set;
static char api_key[BUD_API_KEY_BYTES];
static int64_t skipped_ms; /* added to the clock of the tick */

static void show(void *context, struct bud_request *request)
{
	const struct bud_identity *identity = bud_request_identity(request);

	(void)context;
	bud_reply_header(request, "X-Name", identity->name);
	bud_reply_header(request, "X-Platform", request->platform ? request->platform->name : "");
	bud_reply(request, 200, "text/plain", bud_span("ok"));
}

static const struct bud_route routes[] = {
	{"GET", "/open", show, 0, BUD_NEED_NOTHING},
	{"GET", "/known", show, 0, BUD_NEED_IDENTITY},
	{"GET", "/publish", show, 0, BUD_NEED_PUBLISH},
	{"GET", "/subscribe", show, 0, BUD_NEED_SUBSCRIBE},
	{"GET", "/platform", show, 0, BUD_NEED_PLATFORM},
	{"GET", "/dialog", show, 0, BUD_NEED_DIALOG},
	{"POST", "/publish", show, 100000, BUD_NEED_PUBLISH},
	{"POST", "/open", show, 100000, BUD_NEED_NOTHING},
};
static const struct bud_route_table table = {routes, sizeof(routes) / sizeof(routes[0]), NULL};

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
	bud_authenticator_tick(&authenticator, bud_clock_mono_ms() + skipped_ms);
}

static void make_trust(void)
{
	bud_auto(buffer) struct bud_buffer json = {0};
	bud_auto(buffer) struct bud_buffer set = {0};
	struct bud_api_keys *keys = bud_api_keys_create();
	struct bud_api_key record = {.name = bud_strdup("/app/shop")};

	test_keys_write_set(&key, 1, &set);
	assert_int_equal(bud_jwk_set_parse(bud_buffer_as_span(&set), &key_set, NULL), 0);
	bud_buffer_text(&json, "{\"issuers\":[{\"issuer\":\"i\",\"algorithms\":\"EdDSA\","
			       "\"jwks_uri\":\"https://i/\"},{\"issuer\":\"ttd/x\",\"use\":"
			       "\"platform\",\"algorithms\":\"EdDSA\",\"jwks\":");
	test_keys_write_set(&app, 1, &json);
	bud_buffer_text(&json, "}]}");
	assert_int_equal(bud_issuers_parse(bud_buffer_as_span(&json), false, &issuers, NULL), 0);
	trust = bud_trust_create(issuers);
	bud_api_key_make(&record, api_key);
	bud_api_keys_add(keys, &record);
	bud_trust_put_keys(trust, 0, key_set);
	bud_trust_put_api_keys(trust, keys);
	bud_api_keys_unref(keys);
}

static int set_up(void **state)
{
	struct bud_authenticator_options options = {.rules = &rules,
		.metrics = &metrics,
		.person_key = bud_span("k"),
		.takes_keys = true,
		.takes_tokens = true};
	struct bud_listener_options listening = {
		.host = "127.0.0.1", .tables = &table, .n_tables = 1};
	int error;

	(void)state;
	skipped_ms = 0;
	memset(&metrics, 0, sizeof(metrics));
	key = test_key_create(BUD_JWS_EDDSA, "one");
	app = test_key_create(BUD_JWS_EDDSA, "app");
	bud_scope_rules_set(&rules, BUD_NEED_PUBLISH, "events:publish, other");
	bud_scope_rules_set(&rules, BUD_NEED_SUBSCRIBE, "events:subscribe");
	make_trust();
	options.trust = trust;
	uv_loop_init(&loop);
	bud_authenticator_init(&authenticator, &options);
	listening.authentication = bud_authenticator_hooks(&authenticator);
	listener = bud_listener_open(&loop, &listening, &error);
	assert_non_null(listener);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, on_tick, TICK_MS, TICK_MS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	bud_authenticator_stop(&authenticator);
	bud_listener_close(listener, NULL, NULL);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	bud_authenticator_finish(&authenticator);
	bud_trust_destroy(trust);
	bud_issuers_unref(issuers);
	bud_jwk_set_unref(key_set);
	bud_scope_rules_finish(&rules);
	test_key_destroy(key);
	test_key_destroy(app);
	return 0;
}

/* The client: one connection per request. */

static int begin_with(const char *method, const char *path, const char *fields)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	bud_auto(buffer) struct bud_buffer text = {0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons((uint16_t)bud_listener_port(listener));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	bud_buffer_format(&text, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", method,
		path, fields);
	assert_int_equal(send(fd, text.at, text.len, 0), (ssize_t)text.len);
	return fd;
}

static int begin(const char *path, const char *fields)
{
	return begin_with("GET", path, fields);
}

static int finish(int fd, char *out, size_t room)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = recv(fd, out + len, room - 1 - len, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			uv_run(&loop, UV_RUN_ONCE);
			continue;
		}
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	out[len] = '\0';
	close(fd);
	return len > 12 ? atoi(out + 9) : 0;
}

static char response[4096];

/* The status. */
static int ask(const char *path, const char *format, ...)
{
	char fields[8192];
	va_list args;

	va_start(args, format);
	vsnprintf(fields, sizeof(fields), format, args);
	va_end(args);
	return finish(begin(path, fields), response, sizeof(response));
}

static bool has(const char *text)
{
	return strstr(response, text) != NULL;
}

static void make_token(
	const struct test_key *by, const char *kid, const char *claims, struct bud_buffer *out)
{
	char header[128], payload[512];

	snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid);
	snprintf(
		payload, sizeof(payload), "{\"exp\":%lld,%s}", (long long)time(NULL) + 600, claims);
	test_token_sign(by, BUD_JWS_EDDSA, header, payload, out);
}

#define USER      "\"iss\":\"i\",\"urn:altinn:org\":\"ttd\""
#define BEARER    "Authorization: Bearer %s\r\n"
#define PLATFORM  "PlatformAccessToken: %s\r\n"
#define CHECKED() bud_metrics_counter(&metrics, BUD_COUNTER_TOKENS_CHECKED)

static void test_needs(void **state)
{
	bud_auto(buffer) struct bud_buffer user = {0};
	bud_auto(buffer) struct bud_buffer publisher = {0};
	bud_auto(buffer) struct bud_buffer platform = {0};

	(void)state;
	make_token(key, "one", USER, &user);
	make_token(key, "one", USER ",\"scope\":\"other\"", &publisher);
	make_token(app, "app", "\"iss\":\"ttd/x\"", &platform);
	assert_int_equal(ask("/open", ""), 200);
	assert_true(has("X-Name: \r\n"));
	assert_int_equal(ask("/open", BEARER, "nonsense"), 200);
	assert_int_equal(ask("/known", ""), 401);
	assert_true(has("WWW-Authenticate: Bearer realm=\"budstikke\"\r\n"));
	assert_int_equal(ask("/known", BEARER, user.at), 200);
	assert_true(has("X-Name: /org/ttd\r\n"));
	assert_int_equal(ask("/known", "authorization: BEARER   %s  \r\n", user.at), 200);
	assert_int_equal(ask("/known", "Authorization: Basic YTpi\r\n"), 401);
	assert_int_equal(ask("/known", BEARER, api_key), 200);
	assert_true(has("X-Name: /app/shop\r\n"));
	assert_int_equal(ask("/publish", BEARER, user.at), 403);
	assert_true(has("error=\"insufficient_scope\", scope=\"events:publish\""));
	assert_true(has("\"member\":\"scope\""));
	assert_int_equal(ask("/publish", BEARER, publisher.at), 200);
	assert_int_equal(ask("/subscribe", BEARER, publisher.at), 403);
	assert_int_equal(ask("/publish", PLATFORM, platform.at), 200);
	/* Alone it is good for nothing else: an app is not its organization. */
	assert_int_equal(ask("/subscribe", PLATFORM, platform.at), 401);
	assert_int_equal(ask("/known", PLATFORM, platform.at), 401);
	assert_int_equal(ask("/platform", PLATFORM, platform.at), 401);
	assert_int_equal(ask("/platform", BEARER, user.at), 403);
	assert_int_equal(ask("/platform", ""), 401);
	assert_int_equal(ask("/platform", BEARER PLATFORM, user.at, platform.at), 200);
	assert_true(has("X-Name: /org/ttd\r\n"));
	assert_int_equal(ask("/platform", BEARER PLATFORM, user.at, user.at), 401);
	/* What an app publishes is its own; what a user may publish is theirs. */
	make_token(key, "one", "\"iss\":\"i\",\"urn:altinn:userid\":7", &user);
	assert_int_equal(ask("/publish", BEARER PLATFORM, user.at, platform.at), 200);
	assert_true(has("X-Name: /org/ttd\r\n"));
	assert_int_equal(ask("/platform", BEARER PLATFORM, user.at, platform.at), 200);
	assert_true(has("X-Name: /user/7\r\n"));
	assert_int_equal(ask("/dialog", BEARER, user.at), 403);
	assert_int_equal(ask("/known", BEARER BEARER, user.at, user.at), 400);
	assert_true(has("error=\"invalid_request\""));
}

static void test_known_after_one_check(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	uint64_t before;

	(void)state;
	make_token(key, "one", USER, &token);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask("/known", BEARER, token.at), 200);
	assert_int_equal(CHECKED(), 1);
	/* Other API keys say nothing about it; other keys of its issuer do. */
	before = CHECKED();
	bud_trust_put_api_keys(trust, NULL);
	assert_int_equal(ask("/known", BEARER, token.at), 200);
	assert_int_equal(CHECKED(), before);
	bud_trust_put_keys(trust, 0, NULL);
	skipped_ms = 60000;
	assert_int_equal(ask("/known", BEARER, token.at), 503);
	assert_true(has("Retry-After: "));
	/* A bad one is never known. */
	skipped_ms = 0;
	bud_trust_put_keys(trust, 0, key_set);
	token.at[token.len - 3] = token.at[token.len - 3] == 'A' ? 'B' : 'A';
	before = CHECKED();
	assert_int_equal(ask("/known", BEARER, token.at), 401);
	assert_true(has("error=\"invalid_token\""));
	assert_int_equal(ask("/known", BEARER, token.at), 401);
	assert_int_equal(CHECKED(), before + 2);
}

static void test_revoked(void **state)
{
	struct bud_api_keys *none = bud_api_keys_create();

	(void)state;
	assert_int_equal(ask("/known", BEARER, api_key), 200);
	bud_trust_put_api_keys(trust, none);
	bud_api_keys_unref(none);
	assert_int_equal(ask("/known", BEARER, api_key), 401);
}

/* The file says otherwise what the tokens of an issuer are good for: at once so, by the keys that
 * are there. */
static void test_other_issuers(void **state)
{
	struct bud_issuers *others = NULL;
	bud_auto(buffer) struct bud_buffer token = {0};

	(void)state;
	make_token(key, "one", USER, &token);
	assert_int_equal(ask("/publish", BEARER, token.at), 403);
	assert_int_equal(
		bud_issuers_parse(bud_span("{\"issuers\":[{\"issuer\":\"x\",\"jwks_uri\":"
					   "\"https://x/\"},{\"issuer\":\"i\",\"algorithms\":"
					   "\"EdDSA\",\"jwks_uri\":\"https://i/\",\"scopes\":"
					   "\"events:publish\"}]}"),
			false, &others, NULL),
		0);
	bud_trust_offer_issuers(trust, others);
	assert_true(bud_trust_put_offered(trust));
	assert_int_equal(ask("/publish", BEARER, token.at), 200);
	bud_trust_offer_issuers(trust, issuers);
	assert_true(bud_trust_put_offered(trust));
	assert_int_equal(ask("/publish", BEARER, token.at), 403);
	bud_issuers_unref(others);
}

/* Turns until the wish is there, then answers it. */
static void answer_wish(bool is_fresh)
{
	while (bud_trust_wanted(trust, 0) == 0)
		uv_run(&loop, UV_RUN_ONCE);
	bud_trust_answer(trust, 0, bud_trust_wanted(trust, 0), is_fresh);
}

static void test_waiting(void **state)
{
	struct test_key *both[] = {key, app};
	bud_auto(buffer) struct bud_buffer token = {0};
	bud_auto(buffer) struct bud_buffer fields = {0};
	bud_auto(buffer) struct bud_buffer json = {0};
	struct bud_jwk_set *newer = NULL;
	int fd;

	(void)state;
	make_token(app, "app", USER, &token);
	bud_buffer_format(&fields, BEARER, token.at);
	/* The issuer was asked and does not have it. */
	fd = begin("/known", fields.at);
	answer_wish(true);
	assert_int_equal(finish(fd, response, sizeof(response)), 401);
	/* It could not be asked. */
	fd = begin("/known", fields.at);
	answer_wish(false);
	assert_int_equal(finish(fd, response, sizeof(response)), 503);
	/* Nobody answers in time. */
	skipped_ms = 60000;
	assert_int_equal(ask("/known", "%s", fields.at), 503);
	skipped_ms = 0;
	/* It has it by now. */
	test_keys_write_set(both, 2, &json);
	assert_int_equal(bud_jwk_set_parse(bud_buffer_as_span(&json), &newer, NULL), 0);
	fd = begin("/known", fields.at);
	bud_trust_put_keys(trust, 0, newer);
	answer_wish(true);
	assert_int_equal(finish(fd, response, sizeof(response)), 200);
	bud_jwk_set_unref(newer);
}

/* The head of a request whose body does not come: the status. */
static int post_head(const char *path, const char *credentials)
{
	bud_auto(buffer) struct bud_buffer fields = {0};

	bud_buffer_format(&fields, "%sContent-Length: 90000\r\n", credentials);
	return finish(begin_with("POST", path, fields.at), response, sizeof(response));
}

/* Who may not publish is told so before a body is read; who may, or may be, has it read. */
static void test_bodies_of_strangers(void **state)
{
	static const char body[90000] = "";
	bud_auto(buffer) struct bud_buffer token = {0};
	bud_auto(buffer) struct bud_buffer fields = {0};
	int fd;

	(void)state;
	assert_int_equal(post_head("/publish", ""), 401);
	assert_int_equal(post_head("/publish", "Authorization: Bearer a.b.c\r\n"), 401);
	assert_true(has("error=\"invalid_token\""));
	make_token(key, "one", USER, &token);
	bud_buffer_format(&fields, BEARER, token.at);
	assert_int_equal(post_head("/publish", fields.at), 403);
	assert_true(has("X-Name") == false);
	/* With a key that is not there yet the body is read, and then it is waited for. */
	bud_buffer_clear(&token);
	bud_buffer_clear(&fields);
	make_token(app, "app", USER ",\"scope\":\"other\"", &token);
	bud_buffer_format(&fields, BEARER "Content-Length: 90000\r\n", token.at);
	fd = begin_with("POST", "/publish", fields.at);
	for (size_t sent = 0; sent < sizeof(body);) {
		ssize_t n = send(fd, body + sent, sizeof(body) - sent, MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		assert_int_equal(bud_trust_wanted(trust, 0), 0);
		uv_run(&loop, UV_RUN_ONCE);
	}
	answer_wish(true);
	assert_int_equal(finish(fd, response, sizeof(response)), 401);
}

/* Many wait; the server stops, a client is gone. */
static void test_stopped_while_waiting(void **state)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	bud_auto(buffer) struct bud_buffer fields = {0};
	int fds[3];

	(void)state;
	make_token(app, "app", USER, &token);
	bud_buffer_format(&fields, BEARER, token.at);
	for (int i = 0; i < 3; i++)
		fds[i] = begin("/known", fields.at);
	while (authenticator.waiting_n < 3)
		uv_run(&loop, UV_RUN_ONCE);
	close(fds[0]);
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	bud_authenticator_stop(&authenticator);
	assert_int_equal(authenticator.waiting_n, 0);
	for (int i = 1; i < 3; i++)
		assert_int_equal(finish(fds[i], response, sizeof(response)), 503);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_needs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_known_after_one_check, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_revoked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_issuers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bodies_of_strangers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stopped_while_waiting, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
