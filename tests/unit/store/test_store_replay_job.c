/* A job is read back as it was written, wherever it stands; anything else is no job. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "store/replay_job.h"

static void comes_back(void **state)
{
	static const struct bud_replay_job jobs[] = {
		{.source = BUD_REPLAY_DEAD, .to_ms = 5},
		{.source = BUD_REPLAY_EVENTS,
			.from_ms = 1,
			.to_ms = INT64_MAX,
			.created_ms = 1700000000000,
			.filters = {"[{\"exact\": {\"type\": \"a b\"}}]", 29},
			.looked = UINT64_MAX,
			.revived = 7,
			.partition = 15,
			.has_after = true,
			.after = {1700000000000, 3, 15}},
		{.has_after = true, .after = {1, 2, 3}, .after_ms = 9, .after_attempt = 63},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_auto(buffer) struct bud_buffer again = {0};
		struct bud_replay_job job;
		bud_replay_job_write(&jobs[i], &text);
		assert_int_equal(0, bud_replay_job_parse(bud_buffer_as_span(&text), &job));
		assert_int_equal(jobs[i].source, job.source);
		assert_true(bud_span_equals(jobs[i].filters, job.filters));
		assert_int_equal(jobs[i].after.seq, job.after.seq);
		bud_replay_job_write(&job, &again);
		assert_string_equal(text.at, again.at);
	}
}

static void refuses(void **state)
{
	static const char *const bad[] = {"", "1", "2 dead 0 5 0 0 0 0 - 0 0 ",
		"1 live 0 5 0 0 0 0 - 0 0 ", "1 dead -1 5 0 0 0 0 - 0 0 ",
		"1 dead 0 5 0 0 0 100 - 0 0 ", "1 dead 0 5 0 0 0 0 x 0 0 ",
		"1 dead 0 5 0 0 0 0 - 0 64 ", "1 dead 0 5 0 0 0 0 - 0"};
	struct bud_replay_job job;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (bud_replay_job_parse(bud_span(bad[i]), &job) == 0)
			fail_msg("taken: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
