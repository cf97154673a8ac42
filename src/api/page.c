/* Pages, read from the query. */
#include "api/page.h"

#include <errno.h>
#include <inttypes.h>

#include "core/error.h"
#include "http/reply.h"
#include "http/request.h"

struct reading {
	const struct bud_page_rule *rule;
	struct bud_page page;
	bool has_size;
	bool has_cursor;
	struct bud_error *error;
};

static int refuse_size(const struct reading *reading)
{
	return bud_error_set(reading->error, "size", "size must be a number from 1 to %zu, once",
		reading->rule->size_max);
}

static int refuse_cursor(const struct reading *reading)
{
	const char *cursor = reading->rule->cursor;

	return bud_error_set(
		reading->error, cursor, "%s must be as a Link of ours has it, once", cursor);
}

static int read_one(struct reading *reading, struct bud_span name, struct bud_span value)
{
	uint64_t size;

	if (bud_span_is(name, "size")) {
		if (reading->has_size || !bud_span_number(value, reading->rule->size_max, &size) ||
			size == 0)
			return refuse_size(reading);
		reading->has_size = true;
		reading->page.size = (size_t)size;
		return 0;
	}
	if (bud_span_is(name, reading->rule->cursor)) {
		if (reading->has_cursor || !bud_span_number(value, INT64_MAX, &reading->page.start))
			return refuse_cursor(reading);
		reading->has_cursor = true;
		return 0;
	}
	return bud_error_set(reading->error, name.at, "unknown query parameter; known are size, %s",
		reading->rule->cursor);
}

int bud_page_parse(const struct bud_request *request, const struct bud_page_rule *rule,
	struct bud_page *out_page, struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	struct reading reading = {
		.rule = rule, .page = {.size = rule->size_default}, .error = error};
	size_t position = 0;
	int r;

	while ((r = bud_request_query_next(request, &position, &name, &value)) > 0) {
		bud_buffer_text(&name, ""); /* ends with a NUL even when empty */
		r = read_one(&reading, bud_buffer_as_span(&name), bud_buffer_as_span(&value));
		if (r < 0)
			return r;
	}
	if (r < 0)
		return bud_error_set(error, NULL, "the query has a bad escape");
	*out_page = reading.page;
	return 0;
}

void bud_page_write_next(struct bud_buffer *out, struct bud_span path,
	const struct bud_page_rule *rule, const struct bud_page *next)
{
	bud_buffer_byte(out, '<');
	bud_buffer_span(out, path);
	bud_buffer_format(out, "?size=%zu&%s=%" PRIu64 ">; rel=\"next\"", next->size, rule->cursor,
		next->start);
}

void bud_page_reply_next(struct bud_request *request, const struct bud_page_rule *rule,
	const struct bud_page *page, uint64_t start)
{
	bud_auto(buffer) struct bud_buffer link = {0};
	struct bud_page next = {page->size, start};

	bud_page_write_next(&link, request->path, rule, &next);
	bud_reply_header(request, "Link", link.at);
}
