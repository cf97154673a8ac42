/* A receiver's answer to a batch: whatever it is, only events that it can name fail, and one that
 * is no JSON fails none. */
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/batch_answer.h"
#include "event/event.h"
#include "event/json.h"

#define EVENT(id, source)                                                                          \
	"{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"" source "\",\"type\":\"t\"}"
#define N 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[N] = {EVENT("a", "/s"), EVENT("b", "/s"), EVENT("a", "/t"),
		/* no valid UTF-8, so nobody can name it */
		EVENT("\xff", "/s")};
	struct bud_span answer = {(const char *)data, size};
	struct bud_event *events[N];
	bool failed[N];
	const char *wrong;
	size_t n;

	for (size_t i = 0; i < N; i++)
		must((events[i] = bud_event_create(bud_span("local"), bud_span(texts[i]))) != NULL);
	/* One that was cut may fail all. */
	n = bud_batch_answer_read(answer, true, (const struct bud_event *const *)events, N, failed);
	must(n == (size_t)failed[0] + failed[1] + failed[2] + failed[3]);
	must(!failed[3] || n == N);
	n = bud_batch_answer_read(
		answer, false, (const struct bud_event *const *)events, N, failed);
	must(n == (size_t)failed[0] + failed[1] + failed[2] + failed[3]);
	must(!failed[3] || n == N);
	must(n == 0 || bud_json_is_valid(answer, BUD_JSON_DEPTH_MAX, &wrong));
	for (size_t i = 0; i < N; i++)
		bud_event_unref(events[i]);
	return 0;
}
