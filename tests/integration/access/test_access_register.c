/* The register's client: what the file knows is not asked for, what was found or not is kept for a
 * while, and an answer that is none is told as such and not kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>

#include "access/register.h"
#include "config/network.h"
#include "core/clock.h"
#include "core/metrics.h"
#include "fetch/fetch.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"
#include "wait_until.h"

#define UNIT "/organisation/311443755"

static uv_loop_t loop;
static struct bud_listener *listener;
static struct bud_fetch *fetch;
static struct bud_register *reg;
static struct bud_parties *parties;
static struct bud_metrics metrics;
static const char *answer_text;
static int answer_status;
static char asked[512]; /* "path body key" of the last call */
static unsigned n_calls;
static bool is_fetch_closed;
static enum bud_register_outcome told;
static char told_id[32];

static void on_request(void *context, struct bud_request *request)
{
	struct bud_span key = bud_request_header(request, "X-Key");

	(void)context;
	n_calls++;
	snprintf(asked, sizeof(asked), "%.*s?%.*s %.*s %.*s", (int)request->path.len,
		request->path.at, (int)request->query.len, request->query.at,
		(int)request->body.len, request->body.at, (int)key.len, key.at ? key.at : "");
	bud_reply(request, answer_status, "application/json", bud_span(answer_text));
}

static const struct bud_route routes[] = {
	{"POST", "/register/v2/internal/parties/query", on_request, 4096, 0},
	{"POST", "/register/v2/internal/parties/main-units", on_request, 4096, 0},
};

static void on_told(void *owner, enum bud_register_outcome outcome, const struct bud_party *party)
{
	(void)owner;
	told = outcome;
	snprintf(told_id, sizeof(told_id), "%s", party ? party->id : "-");
}

/* The outcome, once it is there; the party's id in told_id. */
static enum bud_register_outcome ask(enum bud_party_question what, const char *identifier)
{
	struct bud_register_question question = {what, bud_span(identifier)};
	struct bud_party party = {.id = ""};
	enum bud_register_outcome outcome;

	told = BUD_REGISTER_ASKED;
	outcome = bud_register_ask(reg, &question, on_told, NULL, &party);
	if (outcome != BUD_REGISTER_ASKED) {
		snprintf(told_id, sizeof(told_id), "%s",
			outcome == BUD_REGISTER_FOUND ? party.id : "-");
		return outcome;
	}
	wait_until(told != BUD_REGISTER_ASKED);
	return told;
}

static void open_register(int64_t kept_ms)
{
	char url[64];
	struct bud_error error = {0};
	struct bud_register_options options = {.parties = parties,
		.fetch = fetch,
		.metrics = &metrics,
		.url = url,
		.header = "X-Key: k",
		.timeout_ms = 5000,
		.kept_ms = kept_ms};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/register", bud_listener_port(listener));
	reg = bud_register_create(&options, &error);
	if (!reg)
		fail_msg("%s", error.text);
}

static int set_up(void **state)
{
	static struct bud_route_table table = {routes, 2, NULL};
	struct bud_listener_options listening = {
		.host = "127.0.0.1", .tables = &table, .n_tables = 1};
	struct bud_networks networks = {.n = 1};
	int err = 0;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (bud_network_parse(bud_span("127.0.0.0/8"), &networks.list[0], NULL) < 0)
		abort();
	memset(&metrics, 0, sizeof(metrics));
	n_calls = 0;
	is_fetch_closed = false;
	answer_status = 200;
	answer_text = "{\"data\":[]}";
	uv_loop_init(&loop);
	listener = bud_listener_open(&loop, &listening, &err);
	assert_non_null(listener);
	fetch = bud_fetch_open(
		&loop, &(struct bud_fetch_options){.networks = &networks, .allow_http = true});
	return 0;
}

static void on_fetch_closed(void *owner)
{
	(void)owner;
	is_fetch_closed = true;
}

static int tear_down(void **state)
{
	(void)state;
	bud_fetch_close(fetch, on_fetch_closed, NULL);
	wait_until(is_fetch_closed);
	bud_register_destroy(bud_move(reg));
	bud_parties_destroy(bud_move(parties));
	bud_listener_close(listener, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static void finds_and_keeps(void **state)
{
	(void)state;
	open_register(60000);
	answer_text = "{\"data\":[{\"partyId\":51326197,\"partyUuid\":\"u\",\"orgNumber\":\"1\"}]}";
	assert_int_equal(ask(BUD_PARTY_WHO, UNIT), BUD_REGISTER_FOUND);
	assert_string_equal(told_id, "51326197");
	assert_string_equal(asked,
		"/register/v2/internal/parties/query?fields=identifiers "
		"{\"data\":[\"urn:altinn:organization:identifier-no:311443755\"]} k");
	answer_text = "{\"data\":[{\"partyId\":51326198}]}";
	assert_int_equal(ask(BUD_PARTY_MAIN_UNIT, UNIT), BUD_REGISTER_FOUND);
	assert_string_equal(told_id, "51326198");
	assert_string_equal(asked,
		"/register/v2/internal/parties/main-units? "
		"{\"data\":\"urn:altinn:organization:identifier-no:311443755\"} k");
	assert_int_equal(ask(BUD_PARTY_WHO, "urn:altinn:organization:identifier-no:311443755"),
		BUD_REGISTER_FOUND);
	assert_string_equal(told_id, "51326197");
	assert_int_equal(n_calls, 2);
	assert_int_equal(ask(BUD_PARTY_WHO, "/org/ttd"), BUD_REGISTER_NONE);
	assert_int_equal(n_calls, 2);
}

static void knows_what_there_is_not(void **state)
{
	(void)state;
	open_register(1000); /* of that a tenth */
	assert_int_equal(ask(BUD_PARTY_MAIN_UNIT, UNIT), BUD_REGISTER_NONE);
	assert_int_equal(ask(BUD_PARTY_MAIN_UNIT, UNIT), BUD_REGISTER_NONE);
	answer_status = 404;
	assert_int_equal(ask(BUD_PARTY_WHO, "/person/01019012345"), BUD_REGISTER_NONE);
	answer_status = 200;
	answer_text = "{\"data\":[{\"partyId\":1}]}";
	wait_until(ask(BUD_PARTY_MAIN_UNIT, UNIT) == BUD_REGISTER_FOUND);
}

static void a_lie_is_no_answer(void **state)
{
	static const struct {
		int status;
		const char *text;
	} cases[] = {
		{500, "{\"data\":[]}"},
		{200, "<html>"},
		{200, "{\"data\":{}}"},
		{200, "{\"data\":[{\"partyId\":\"1\"}]}"},
		{200, "{\"data\":[{\"partyId\":-1}]}"},
	};

	(void)state;
	open_register(60000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		answer_status = cases[i].status;
		answer_text = cases[i].text;
		assert_int_equal(ask(BUD_PARTY_WHO, UNIT), BUD_REGISTER_FAILED);
		assert_int_equal(
			bud_metrics_counter(&metrics, BUD_COUNTER_REGISTER_FAILURES), i + 1);
	}
	assert_int_equal(n_calls, 5);
}

static void the_file_goes_first(void **state)
{
	char path[] = "/tmp/parties.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(
		dprintf(fd, "{\"parties\":[{\"party\":7,\"organization\":\"311443755\"}]}") > 0);
	close(fd);
	assert_int_equal(bud_parties_load(path, &parties, NULL), 0);
	unlink(path);
	open_register(60000);
	assert_int_equal(ask(BUD_PARTY_WHO, UNIT), BUD_REGISTER_FOUND);
	assert_string_equal(told_id, "7");
	assert_int_equal(n_calls, 0);
	assert_int_equal(ask(BUD_PARTY_WHO, "/party/8"), BUD_REGISTER_NONE);
	assert_int_equal(n_calls, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_and_keeps),
		TEST(knows_what_there_is_not),
		TEST(a_lie_is_no_answer),
		TEST(the_file_goes_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
