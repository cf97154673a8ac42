/* The query of GET /events, any bytes: it is refused with a reason, or everything in it is within
 * its bounds, and the link to the next page is one field's value. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/pull_query.h"
#include "core/error.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct bud_pull_ask *ask)
{
	must(ask->kind < BUD_INDEX_KINDS && ask->value.len > 0);
	must(ask->size >= 1 && ask->size <= BUD_PAGE_MAX);
	must(ask->wait_ms >= 0 && ask->wait_ms <= BUD_PULL_WAIT_MS_MAX);
	must(ask->filter.types_n <= BUD_PULL_PATTERNS_MAX);
	must(ask->filter.sources_n <= BUD_PULL_PATTERNS_MAX);
	must(ask->filter.from_ms < ask->filter.to_ms);
	for (size_t i = 0; i < ask->filter.types_n; i++)
		must(ask->types[i].text.len > 0 &&
			bud_utf8_is_valid(ask->types[i].text.at, ask->types[i].text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_request request = {
		.path = bud_span("/events"), .query = {(const char *)data, size}};
	bud_auto(buffer) struct bud_buffer link = {0};
	struct bud_error error = {0};
	struct bud_pull_ask ask;
	int r = bud_pull_ask_parse(&ask, &request, BUD_INDEX_ALL, &error);

	if (r == 0) {
		check(&ask);
		bud_pull_write_next(&link, &request, "CURSOR");
		must(bud_span_ends(
			bud_buffer_as_span(&link), bud_span("after=CURSOR>; rel=\"next\"")));
	} else {
		must(r == -EINVAL && error.text[0] != '\0');
	}
	bud_pull_ask_finish(&ask);
	return 0;
}
