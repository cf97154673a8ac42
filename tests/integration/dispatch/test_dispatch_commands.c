/* What a parked delivery costs: three commands from park to finish, by MONITOR. Beside these go
 * lines that are nobody's to wait for: the attempt's in its log, stats once a second, who fails;
 * and each claim, of however many deliveries, reads behind it how new the table must be, as each
 * read of events does. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "subscription/subscription.h"

struct seen {
	int moves; /* of the lane: settle, claim, resolve */
	int log_lines;
	int log_cuts;
	int stats;
	int failing;
	int others; /* that name the subscription */
};

static redisContext *watch(struct rig *rig)
{
	redisContext *context = redisConnectUnix(rig->server->socket);

	assert_non_null(context);
	assert_int_equal(context->err, 0);
	freeReplyObject(redisCommand(context, "MONITOR"));
	return context;
}

/* 1700000000.123456 [0 unix:/…] "EVALSHA" "…" … */
static void note(struct seen *seen, const char *line)
{
	const char *command = strstr(line, "] \"");

	if (!command || strstr(line, " lua] ") || strncmp(command, "] \"LLEN", 7) == 0)
		return; /* what a script does, or this test asks */
	command += 3;
	if (strstr(command, "bud:{s0}:parked:s1"))
		seen->moves++;
	else if (strncmp(command, "LPUSH\" \"bud:{s0}:attempts:s1", 28) == 0)
		seen->log_lines++;
	else if (strncmp(command, "LTRIM\" \"bud:{s0}:attempts:s1", 28) == 0)
		seen->log_cuts++;
	else if (strstr(command, "bud:{s0}:stats:s1"))
		seen->stats++;
	else if (strstr(command, "bud:{s0}:fail"))
		seen->failing++;
	else if (strstr(command, "s1\""))
		seen->others++;
}

/* All that came until now. */
static struct seen look(struct rig *rig, redisContext *context)
{
	struct seen seen = {0};
	bool is_end = false;

	redis_server_do(rig->server, "ECHO that-was-all");
	while (!is_end) {
		void *reply = NULL;
		assert_int_equal(redisGetReply(context, &reply), REDIS_OK);
		note(&seen, ((redisReply *)reply)->str);
		is_end = strstr(((redisReply *)reply)->str, "that-was-all") != NULL;
		freeReplyObject(reply);
	}
	redisFree(context);
	return seen;
}

static void from_park_to_finish_in_three(void **state)
{
	struct rig *rig = *state;
	redisContext *context;
	struct seen seen;

	rig_set_schedule(rig, 1, (uint32_t[]){1});
	sink_tell(&rig->sink, "/a", 0, (int[]){500, 200, 0});
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	context = watch(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 2 && rig_is_clean(rig));
	rig_wait(rig, rig_number(rig, "LLEN bud:{s0}:attempts:%s", "s1") == 2);
	seen = look(rig, context);
	assert_int_equal(seen.moves, 3);
	assert_int_equal(seen.log_lines, 2);
	assert_in_range(seen.log_cuts, 0, 2); /* now and then */
	assert_in_range(seen.stats, 0, 2);
	assert_in_range(seen.failing, 0, 4); /* noted, and cleared, in two hashes */
	assert_int_equal(seen.others, 0);
}

/* Many that are due together share claims and resolves. */
static void many_share_them(void **state)
{
	struct rig *rig = *state;
	redisContext *context;
	struct seen seen;

	rig_set_schedule(rig, 2, (uint32_t[]){1, 1});
	sink_tell(&rig->sink, "/a", 0, (int[]){429, 200, 0});
	sink_tell_retry_after(&rig->sink, "/a", "1");
	rig_subscribe(rig, "s1", "t", "/a");
	rig_start(rig);
	context = watch(rig);
	rig_publish(rig, "t", "e", 1);
	rig_wait(rig, rig_number(rig, "ZCARD bud:{s0}:%s", "due") == 1);
	rig_publish(rig, "t", "f", 60);
	rig_wait(rig, sink_count(&rig->sink, "/a", NULL) == 62 && rig_is_clean(rig));
	seen = look(rig, context);
	assert_in_range(seen.moves, 3, 2 * 61);
	assert_int_equal(seen.others, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(from_park_to_finish_in_three),
		TEST(many_share_them),
	};

	return cmocka_run_group_tests(tests, rig_group_set_up, rig_group_tear_down);
}
