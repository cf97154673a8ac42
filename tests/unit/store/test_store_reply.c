/* Replies of Redis: what an error means to a flow, and that a reply of another shape than expected
 * reads as nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store/reply.h"

static redisReply text_of(int type, const char *text)
{
	return (redisReply){.type = type, .str = (char *)text, .len = strlen(text)};
}

static void errors_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"LOADING Redis is loading the dataset in memory", -EAGAIN},
		{"BUSY Redis is busy running a script", -EAGAIN},
		{"READONLY You can't write against a read only replica.", -EAGAIN},
		{"OOM command not allowed when used memory > 'maxmemory'.", -ENOSPC},
		{"NOGROUP No such key 'k' or consumer group 'g'", -ENOENT},
		{"NOSTREAM bud:{s0}:p3:events is gone", -ENOENT},
		{"NOREGISTRY bud:{s0}:subs:version is gone", -ENOENT},
		{"NOMETA bud:{s0}:meta is gone", -ENOENT},
		{"WRONGTYPE Operation against a key", -EPROTO},
		{"ERR unknown command", -EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		redisReply reply = text_of(REDIS_REPLY_ERROR, cases[i].text);
		if (bud_reply_error(&reply) != cases[i].err)
			fail_msg("%s: %d", cases[i].text, bud_reply_error(&reply));
	}
	assert_int_equal(bud_reply_error(NULL), -ENOTCONN);
}

static void answers_are_no_errors(void **state)
{
	redisReply text = text_of(REDIS_REPLY_STRING, "NOSTREAM is the content");
	redisReply nil = {.type = REDIS_REPLY_NIL};

	(void)state;
	assert_int_equal(bud_reply_error(&text), 0);
	assert_int_equal(bud_reply_error(&nil), 0);
}

static void elements_are_there_or_not(void **state)
{
	redisReply number = {.type = REDIS_REPLY_INTEGER, .integer = 42};
	redisReply text = text_of(REDIS_REPLY_STRING, "7012881613127885");
	redisReply nil = {.type = REDIS_REPLY_NIL};
	redisReply *elements[] = {&number, &text, &nil};
	redisReply array = {.type = REDIS_REPLY_ARRAY, .elements = 3, .element = elements};

	(void)state;
	assert_int_equal(bud_reply_number(bud_reply_at(&array, 0)), 42);
	assert_int_equal(bud_reply_number(bud_reply_at(&array, 1)), 7012881613127885);
	assert_true(bud_span_is(bud_reply_span(bud_reply_at(&array, 1)), "7012881613127885"));
	assert_int_equal(bud_reply_number(bud_reply_at(&array, 2)), 0);
	assert_null(bud_reply_span(bud_reply_at(&array, 2)).at);
	assert_null(bud_reply_span(bud_reply_at(&array, 0)).at);
	assert_null(bud_reply_at(&array, 3));
	assert_null(bud_reply_at(&text, 0));
	assert_null(bud_reply_at(NULL, 0));
	assert_int_equal(bud_reply_number(NULL), 0);
	assert_null(bud_reply_span(NULL).at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(answers_are_no_errors),
		cmocka_unit_test(elements_are_there_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
