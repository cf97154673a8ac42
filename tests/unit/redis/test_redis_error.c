/* Each error code of Redis has the meaning that the callers' actions are built on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include "redis/error.h"

static void test_classify(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum bud_redis_error kind;
	} cases[] = {
		{"LOADING Redis is loading the dataset in memory", BUD_REDIS_ERROR_TRANSIENT},
		{"BUSY Redis is busy running a script.", BUD_REDIS_ERROR_TRANSIENT},
		{"MASTERDOWN Link with MASTER is down", BUD_REDIS_ERROR_TRANSIENT},
		{"CLUSTERDOWN The cluster is down", BUD_REDIS_ERROR_TRANSIENT},
		{"NOREPLICAS Not enough good replicas to write.", BUD_REDIS_ERROR_TRANSIENT},
		{"TRYAGAIN Multiple keys request during rehashing", BUD_REDIS_ERROR_TRANSIENT},
		{"NOSCRIPT No matching script.", BUD_REDIS_ERROR_TRANSIENT},
		{"OOM command not allowed when used memory > 'maxmemory'. script: ab, on x:1.",
			BUD_REDIS_ERROR_FULL},
		{"MISCONF Errors writing to the AOF file: No space", BUD_REDIS_ERROR_FULL},
		{"READONLY You can't write against a read only replica.", BUD_REDIS_ERROR_ROLE},
		{"UNBLOCKED force unblock from blocking operation", BUD_REDIS_ERROR_ROLE},
		{"NOGROUP No such key or consumer group", BUD_REDIS_ERROR_NO_GROUP},
		{"BUSYGROUP Consumer Group name already exists", BUD_REDIS_ERROR_EXISTS},
		{"NOAUTH Authentication required.", BUD_REDIS_ERROR_CONFIG},
		{"WRONGPASS invalid", BUD_REDIS_ERROR_CONFIG},
		{"NOPERM this user has no permissions", BUD_REDIS_ERROR_CONFIG},
		{"MOVED 3999 127.0.0.1:6381", BUD_REDIS_ERROR_CONFIG},
		{"ASK 3999 127.0.0.1:6381", BUD_REDIS_ERROR_CONFIG},
		{"CROSSSLOT Keys in request don't hash to the same slot", BUD_REDIS_ERROR_BUG},
		{"WRONGTYPE Operation against a key", BUD_REDIS_ERROR_BUG},
		{"EXECABORT Transaction discarded", BUD_REDIS_ERROR_BUG},
		{"ERR syntax error", BUD_REDIS_ERROR_BUG},
		{"BUSYKEY Target key name already exists.", BUD_REDIS_ERROR_BUG},
		{"OOM", BUD_REDIS_ERROR_FULL},
		{"", BUD_REDIS_ERROR_BUG},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		redisReply reply = {.type = REDIS_REPLY_ERROR,
			.str = (char *)cases[i].text,
			.len = strlen(cases[i].text)};
		assert_int_equal(bud_redis_classify(&reply), cases[i].kind);
		reply.type = REDIS_REPLY_STRING;
		assert_int_equal(bud_redis_classify(&reply), BUD_REDIS_ERROR_NONE);
	}
	assert_int_equal(bud_redis_classify(NULL), BUD_REDIS_ERROR_LOST);
	assert_string_equal(bud_redis_error_name(BUD_REDIS_ERROR_NO_GROUP), "no-group");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_classify)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
