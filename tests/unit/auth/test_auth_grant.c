/* A grant is stored and read back as it was, nothing that cannot be understood becomes a grant, and
 * it covers its actions, its resource and its types until its date. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/grant.h"

static const char whole[] =
	"{\"id\":\"0123\",\"created\":\"2026-11-22T02:45:00.123Z\",\"owner\":\"/org/ttd\","
	"\"to\":\"/org/skd\",\"actions\":[\"subscribe\",\"read\"],\"resource\":\"urn:r\","
	"\"types\":[\"a\",\"b.*\"],\"until\":\"2027-01-01T00:00:00Z\"}";

static struct bud_grant *grant_of(const char *json)
{
	struct bud_grant *grant = NULL;

	if (bud_grant_load(bud_span(json), &grant) < 0)
		fail_msg("%s", json);
	return grant;
}

static void comes_back(void **state)
{
	bud_auto(grant) struct bud_grant *grant = grant_of(whole);
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	bud_grant_write(grant, &out);
	assert_string_equal(out.at, whole);
	bud_grant_destroy(NULL);
}

static void refuses_what_it_does_not_know(void **state)
{
	static const char *const cases[] = {
		"",
		"[]",
		"{}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\"}",
		"{\"id\":\"1\",\"created\":\"x\",\"owner\":\"a\",\"to\":\"b\"}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"types\":[1]}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"resource\":[]}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"until\":\"soon\"}",
		"{\"id\":\"012345678901234567890123456789012\","
		"\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_grant *grant = NULL;
		if (bud_grant_load(bud_span(cases[i]), &grant) != -EINVAL || grant)
			fail_msg("%s", cases[i]);
	}
}

static void covers(void **state)
{
	bud_auto(grant) struct bud_grant *grant = grant_of(whole);
	struct bud_question question = {
		.action = BUD_ACTION_READ, .resource = bud_span("urn:r"), .type = bud_span("b.c")};

	(void)state;
	assert_true(bud_grant_covers(grant, &question));
	question.now_ms = grant->until_ms - 1;
	assert_true(bud_grant_covers(grant, &question));
	question.now_ms = grant->until_ms;
	assert_false(bud_grant_covers(grant, &question));
	question.now_ms = 0;
	question.type = bud_span("c");
	assert_false(bud_grant_covers(grant, &question));
	question.type = (struct bud_span){NULL, 0};
	assert_true(bud_grant_covers(grant, &question));
	question.resource = bud_span("urn:rr");
	assert_false(bud_grant_covers(grant, &question));
	question.resource = (struct bud_span){NULL, 0};
	assert_true(bud_grant_covers(grant, &question));
	question.action = BUD_ACTION_PUBLISH;
	assert_false(bud_grant_covers(grant, &question));
}

static void has_a_fingerprint(void **state)
{
	static const char *const others[] = {
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\"}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"resource\":\"\"}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"types\":[\"x\"]}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"until\":\"2027-01-01T00:00:00Z\"}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"actions\":[\"read\"]}",
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"b\",\"to\":\"a\"}",
	};
	bud_auto(grant) struct bud_grant *one = grant_of(
		"{\"id\":\"2\",\"created\":\"2025-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"types\":[\"y\",\"x\"]}");
	bud_auto(grant) struct bud_grant *same = grant_of(
		"{\"id\":\"1\",\"created\":\"2026-11-22T02:45:00Z\",\"owner\":\"a\",\"to\":\"b\","
		"\"types\":[\"x\",\"y\"]}");
	char seen[7][33];

	(void)state;
	bud_grant_fingerprint(one, seen[0]);
	bud_grant_fingerprint(same, seen[1]);
	assert_string_equal(seen[0], seen[1]);
	for (size_t i = 0; i < 6; i++) {
		bud_auto(grant) struct bud_grant *grant = grant_of(others[i]);
		bud_grant_fingerprint(grant, seen[1 + i]);
		for (size_t k = 0; k < 1 + i; k++)
			assert_string_not_equal(seen[1 + i], seen[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(covers),
		cmocka_unit_test(has_a_fingerprint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
