/* The decision point's client: what was filed together goes out in one call and is told the
 * authority, permit and deny; the same is asked once; a decision is asked for again only when its
 * time is over; an answer that lies, is slow, huge or no answer decides nothing, is said once, and
 * cuts the point off for a while. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>

#include "access/decision_point.h"
#include "access/permits.h"
#include "access/register.h"
#include "auth/authorize.h"
#include "config/network.h"
#include "core/clock.h"
#include "core/limits.h"
#include "core/metrics.h"
#include "fetch/fetch.h"
#include "pdp.h"
#include "wait_until.h"

static uv_loop_t loop;
static struct pdp pdp;
static struct bud_fetch *fetch;
static struct bud_authority *authority;
static struct bud_decision_point *point;
static struct bud_parties *parties;
static struct bud_register *reg;
static struct bud_metrics metrics;
static bool is_fetch_closed;
static char trouble[200];
static unsigned n_troubles;
static unsigned n_over;
static unsigned n_told;
static unsigned n_done;

static void on_trouble(void *owner, const char *text)
{
	(void)owner;
	if (text)
		snprintf(trouble, sizeof(trouble), "%s", text);
	n_troubles += text != NULL;
	n_over += text == NULL;
}

static void on_done(void *owner)
{
	(void)owner;
	n_done++;
}

static void on_told(void *owner)
{
	(void)owner;
	n_told++;
}

static void open_point(int64_t kept_ms, unsigned timeout_ms)
{
	char url[64];
	struct bud_error error = {0};
	struct bud_decision_point_options options = {
		.loop = &loop,
		.fetch = fetch,
		.authority = authority,
		.metrics = &metrics,
		.reg = reg,
		.url = url,
		.header = "X-Key: k1",
		.kept_ms = kept_ms,
		.timeout_ms = timeout_ms,
		.on_trouble = on_trouble,
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/decide", pdp.port);
	point = bud_decision_point_open(&options, &error);
	if (!point)
		fail_msg("%s", error.text);
	bud_decision_point_tell(point, on_done, NULL);
}

static int set_up(void **state)
{
	struct bud_networks networks = {.n = 1};

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (bud_network_parse(bud_span("127.0.0.0/8"), &networks.list[0], NULL) < 0)
		abort();
	memset(&metrics, 0, sizeof(metrics));
	n_troubles = n_over = n_told = n_done = 0;
	is_fetch_closed = false;
	uv_loop_init(&loop);
	pdp_open(&pdp, &loop);
	fetch = bud_fetch_open(
		&loop, &(struct bud_fetch_options){.networks = &networks, .allow_http = true});
	authority = bud_authority_create(
		&(struct bud_authority_options){.has_point = true, .decisions_room = 65536});
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
	bud_decision_point_stop(point);
	bud_fetch_close(fetch, on_fetch_closed, NULL);
	wait_until(is_fetch_closed);
	bud_decision_point_close(bud_move(point));
	bud_register_destroy(bud_move(reg));
	bud_parties_destroy(bud_move(parties));
	pdp_close(&pdp);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	pdp_finish(&pdp);
	bud_authority_destroy(authority);
	return 0;
}

static struct bud_question question_of(const char *who, const char *subject)
{
	return (struct bud_question){.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span(who),
		.publisher = bud_span("/org/pub"),
		.resource = bud_span("urn:r:a"),
		.type = bud_span("t"),
		.subject = bud_span(subject),
		.now_ms = bud_clock_wall_ms()};
}

static enum bud_decision decide(const char *who, const char *subject)
{
	struct bud_question question = question_of(who, subject);

	return bud_authorize(authority, &question, NULL);
}

static uint64_t want(const char *who, const char *subject)
{
	struct bud_question question = question_of(who, subject);

	return bud_decision_point_want(point, &question);
}

static uint64_t counted(enum bud_counter counter)
{
	return bud_metrics_counter(&metrics, counter);
}

static void asks_all_at_once(void **state)
{
	char who[16];

	(void)state;
	open_point(60000, 5000);
	pdp.permitted = "7 8";
	for (int i = 0; i < 1000; i++) {
		snprintf(who, sizeof(who), "/org/%d", i);
		assert_int_equal(decide(who, "/party/1"), BUD_DECISION_LATER);
		assert_int_equal(want(who, "/party/1"), i + 1);
		/* Once is enough. */
		assert_int_equal(want(who, "/party/1"), i + 1);
	}
	wait_until(bud_decision_point_done(point) == 1000);
	assert_int_equal(pdp.calls, 1);
	assert_int_equal(pdp.questions, 1000);
	assert_string_equal(pdp.field.at, "k1");
	assert_int_equal(n_done, 1);
	assert_int_equal(decide("/org/7", "/party/1"), BUD_DECISION_PERMIT);
	assert_int_equal(decide("/org/9", "/party/1"), BUD_DECISION_DENY);
	/* Another party is another question. */
	assert_int_equal(decide("/org/7", "/party/2"), BUD_DECISION_LATER);
	assert_int_equal(counted(BUD_COUNTER_DECISION_CALLS), 1);
	assert_int_equal(counted(BUD_COUNTER_DECISION_QUESTIONS), 1000);
	assert_int_equal(counted(BUD_COUNTER_DECISION_FAILURES), 0);
}

static void what_comes_meanwhile_goes_together(void **state)
{
	struct bud_question question = question_of("/org/a", "/party/1");

	(void)state;
	open_point(60000, 5000);
	pdp.permitted = "a";
	assert_int_equal(want("/org/a", "/party/1"), 1);
	assert_int_equal(bud_decision_point_ask(point, &question, on_told, NULL), 0);
	assert_int_equal(bud_decision_point_ask(point, &question, on_told, NULL), 0);
	assert_int_equal(n_told, 0);
	wait_until(counted(BUD_COUNTER_DECISION_CALLS) == 1);
	for (int i = 0; i < 5; i++) {
		char who[16];
		snprintf(who, sizeof(who), "/org/x%d", i);
		assert_int_not_equal(want(who, "/party/1"), 0);
	}
	wait_until(bud_decision_point_done(point) == 6);
	assert_int_equal(n_told, 2);
	assert_int_equal(pdp.calls, 2);
	assert_int_equal(decide("/org/a", "/party/1"), BUD_DECISION_PERMIT);
}

static void asks_again_when_its_time_is_over(void **state)
{
	(void)state;
	open_point(100, 5000);
	pdp.permitted = "a";
	want("/org/a", "/party/1");
	wait_until(bud_decision_point_done(point) == 1);
	wait_until(decide("/org/a", "/party/1") == BUD_DECISION_LATER);
	pdp.permitted = "";
	want("/org/a", "/party/1");
	wait_until(bud_decision_point_done(point) == 2);
	assert_int_equal(decide("/org/a", "/party/1"), BUD_DECISION_DENY);
}

static void a_lie_decides_nothing(void **state)
{
	static const struct {
		enum pdp_mode mode;
		const char *says;
	} cases[] = {
		{PDP_ONE_SHORT, "2 questions were answered by 1 decisions"},
		{PDP_NO_JSON, "no list of decisions"},
		{PDP_HUGE, "too long"},
		{PDP_STATUS_500, "status 500"},
	};
	uint64_t number = 0;

	(void)state;
	open_point(60000, 5000);
	pdp.permitted = "a b";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pdp.mode = cases[i].mode;
		want("/org/a", "/party/1");
		number = want("/org/b", "/party/1");
		wait_until(bud_decision_point_done(point) == number);
		assert_non_null(strstr(trouble, cases[i].says));
		assert_int_equal(decide("/org/a", "/party/1"), BUD_DECISION_LATER);
		assert_int_equal(counted(BUD_COUNTER_DECISION_FAILURES), i + 1);
		assert_int_equal(n_troubles, i + 1);
		pdp.mode = PDP_ANSWERS;
		number = want("/org/c", "/party/1");
		wait_until(bud_decision_point_done(point) == number);
		assert_int_equal(n_over, i + 1);
		bud_authority_forget_decisions(authority);
	}
}

static void slowness_is_cut_off(void **state)
{
	struct bud_question question = question_of("/org/a", "/party/1");

	(void)state;
	open_point(60000, 100);
	pdp.permitted = "a";
	pdp.mode = PDP_SILENT;
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(want("/org/a", "/party/1"), i);
		wait_until(bud_decision_point_done(point) == i);
	}
	assert_int_equal(n_troubles, 1);
	assert_int_equal(counted(BUD_COUNTER_DECISION_FAILURES), 3);
	/* Nobody asks for a while … */
	assert_int_equal(want("/org/a", "/party/1"), 0);
	assert_int_equal(bud_decision_point_ask(point, &question, on_told, NULL), -EAGAIN);
	/* … then one call tries. */
	pdp.mode = PDP_ANSWERS;
	wait_until(want("/org/a", "/party/1") != 0);
	wait_until(bud_decision_point_done(point) == 4);
	assert_int_equal(decide("/org/a", "/party/1"), BUD_DECISION_PERMIT);
	assert_int_equal(n_over, 1);
}

static void knows_everybody_in(const char *json, const char *url)
{
	char path[] = "/tmp/parties.XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	assert_int_equal(bud_parties_load(path, &parties, NULL), 0);
	unlink(path);
	reg = bud_register_create(&(struct bud_register_options){.parties = parties,
					  .fetch = fetch,
					  .metrics = &metrics,
					  .url = url,
					  .timeout_ms = 5000,
					  .kept_ms = 60000},
		NULL);
	assert_non_null(reg);
}

#define PERSON(number) "urn:altinn:person:identifier-no:" number

/* Nobody is told a person's number, and the decision is for this person all the same. */
static void persons_go_by_their_party(void **state)
{
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/no/such/path", pdp.port);
	knows_everybody_in("{\"parties\":[{\"party\":1,\"person\":\"01019012345\","
			   "\"uuid\":\"0f1e2d3c-4b5a-4697-8899-aabbccddeeff\"}]}",
		url);
	open_point(60000, 5000);
	pdp.permitted = "a";
	want("/org/a", PERSON("01019012345"));
	wait_until(bud_decision_point_done(point) == 1);
	assert_non_null(strstr(pdp.body.at, "\"urn:altinn:party:uuid\""));
	assert_non_null(strstr(pdp.body.at, "0f1e2d3c-4b5a-4697-8899-aabbccddeeff"));
	assert_null(strstr(pdp.body.at, "01019012345"));
	assert_int_equal(decide("/org/a", PERSON("01019012345")), BUD_DECISION_PERMIT);
	assert_int_equal(decide("/org/a", PERSON("02019012345")), BUD_DECISION_LATER);
	/* The register has no such person: the point says no by itself. */
	want("/org/b", PERSON("02019012345"));
	wait_until(bud_decision_point_done(point) == 2);
	assert_int_equal(decide("/org/b", PERSON("02019012345")), BUD_DECISION_DENY);
	assert_int_equal(counted(BUD_COUNTER_REGISTER_CALLS), 1);
}

/* A port that takes connections and never says anything. */
static int open_mute(int *out_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*out_port = ntohs(address.sin_port);
	return fd;
}

/* Nobody is told a person's number because the register has too much to do: that would be no, and
 * a no is for good. */
static void persons_wait_for_the_register(void **state)
{
	char subject[64];
	char url[64];
	int port;
	int fd = open_mute(&port);
	struct bud_question question;
	int n = 0;

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	knows_everybody_in("{\"parties\":[]}", url);
	open_point(60000, 5000);
	do {
		snprintf(subject, sizeof(subject), PERSON("%011d"), ++n);
	} while (want("/org/a", subject) != 0 && n < 1000);
	assert_int_equal(n, 257);
	question = question_of("/org/a", subject);
	assert_int_equal(bud_decision_point_ask(point, &question, on_told, NULL), -EAGAIN);
	/* Who is no person need not wait. */
	assert_int_not_equal(want("/org/a", "/party/1"), 0);
	wait_until(decide("/org/a", "/party/1") != BUD_DECISION_LATER);
	assert_int_equal(pdp.questions, 1);
	assert_int_equal(decide("/org/a", subject), BUD_DECISION_LATER);
	close(fd);
}

static void a_page_is_one_call(void **state)
{
	static const char *const subjects[] = {"/party/1", "/party/2", "/party/1", "/party/3"};
	struct bud_question questions[4];
	enum bud_decision decisions[4];
	struct bud_permits permits = {
		.authority = authority, .questions = questions, .decisions = decisions, .n = 4};

	(void)state;
	open_point(60000, 5000);
	pdp.permitted = "a";
	for (size_t i = 0; i < 4; i++)
		questions[i] = question_of(i == 3 ? "/org/b" : "/org/a", subjects[i]);
	assert_true(bud_permits_ask(&permits, on_told, NULL)); /* there is nobody to ask */
	assert_int_equal(decisions[0], BUD_DECISION_LATER);
	permits.point = point;
	assert_false(bud_permits_ask(&permits, on_told, NULL));
	wait_until(n_told == 1);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(decisions[i], BUD_DECISION_PERMIT);
	assert_int_equal(decisions[3], BUD_DECISION_DENY);
	assert_int_equal(pdp.calls, 1);
	assert_int_equal(pdp.questions, 3);
	assert_true(bud_permits_ask(&permits, on_told, NULL));
	/* Without an answer nothing is permitted. */
	bud_authority_forget_decisions(authority);
	pdp.mode = PDP_STATUS_500;
	assert_false(bud_permits_ask(&permits, on_told, NULL));
	wait_until(n_told == 2);
	assert_int_equal(decisions[0], BUD_DECISION_LATER);
}

static void is_bounded(void **state)
{
	char who[16];
	int i = 0;

	(void)state;
	open_point(60000, 5000);
	for (;; i++) {
		snprintf(who, sizeof(who), "/org/%d", i);
		if (want(who, "/party/1") == 0)
			break;
	}
	assert_int_equal(i, 4096);
	wait_until(bud_decision_point_done(point) == 4096);
	assert_int_equal(pdp.calls, 5);
	assert_int_not_equal(want(who, "/party/1"), 0);
}

static void ends_in_the_middle(void **state)
{
	struct bud_question question = question_of("/org/a", "/party/1");

	(void)state;
	open_point(60000, 5000);
	pdp.mode = PDP_SILENT;
	assert_int_equal(bud_decision_point_ask(point, &question, on_told, NULL), 0);
	wait_until(pdp.calls == 1);
	question.subject = bud_span("/party/2");
	assert_int_equal(bud_decision_point_ask(point, &question, on_told, NULL), 0);
	bud_decision_point_stop(point);
	assert_int_equal(n_told, 2);
	assert_int_equal(want("/org/b", "/party/2"), 0);
}

static void refuses_what_it_cannot_use(void **state)
{
	struct bud_error error = {0};
	struct bud_decision_point_options options = {
		.loop = &loop, .fetch = fetch, .url = "ftp://x/", .on_trouble = on_trouble};

	(void)state;
	assert_null(bud_decision_point_open(&options, &error));
	options.url = "http://127.0.0.1/";
	options.header = "no header";
	assert_null(bud_decision_point_open(&options, &error));
	assert_non_null(strstr(error.text, "Name: value"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(asks_all_at_once),
		TEST(what_comes_meanwhile_goes_together),
		TEST(asks_again_when_its_time_is_over),
		TEST(a_lie_decides_nothing),
		TEST(slowness_is_cut_off),
		TEST(persons_go_by_their_party),
		TEST(persons_wait_for_the_register),
		TEST(a_page_is_one_call),
		TEST(is_bounded),
		TEST(ends_in_the_middle),
		TEST(refuses_what_it_cannot_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
