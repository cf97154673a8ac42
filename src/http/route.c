/* Routes: a walk over the tables; most patterns differ within a few bytes. */
#include "http/route.h"

#include <assert.h>

/* The end of the segment that begins at `at`. */
static const char *segment_end(const char *at, const char *end)
{
	const char *slash = memchr(at, '/', (size_t)(end - at));

	return slash ? slash : end;
}

static bool match_path(const char *pattern, struct bud_span path, struct bud_route_match *out_match)
{
	const char *at = path.at;
	const char *end = path.at + path.len;

	out_match->n_parameters = 0;
	if (strcmp(pattern, "*") == 0)
		return true;
	while (*pattern) {
		if (*pattern != '{') {
			if (at == end || *at != *pattern)
				return false;
			at++;
			pattern++;
			continue;
		}
		const char *stop = segment_end(at, end);
		if (stop == at)
			return false;
		assert(out_match->n_parameters < BUD_ROUTE_PARAMETERS_MAX);
		out_match->parameters[out_match->n_parameters++] =
			(struct bud_span){at, (size_t)(stop - at)};
		at = stop;
		pattern = strchr(pattern, '}');
		assert(pattern);
		pattern++;
	}
	return at == end;
}

static bool match_method(const char *wanted, struct bud_span method)
{
	if (bud_span_is(method, wanted))
		return true;
	return bud_span_is(method, "HEAD") && strcmp(wanted, "GET") == 0;
}

enum bud_route_result bud_route_find(const struct bud_route_table *tables, size_t n_tables,
	struct bud_span method, struct bud_span path, struct bud_route_match *out_match)
{
	enum bud_route_result result = BUD_ROUTE_NO_PATH;
	struct bud_route_match match;

	for (size_t i = 0; i < n_tables; i++) {
		for (size_t k = 0; k < tables[i].n; k++) {
			const struct bud_route *route = &tables[i].routes[k];
			if (!match_path(route->path, path, &match))
				continue;
			result = BUD_ROUTE_NO_METHOD;
			if (!match_method(route->method, method))
				continue;
			match.route = route;
			match.context = tables[i].context;
			*out_match = match;
			return BUD_ROUTE_FOUND;
		}
	}
	return result;
}

static void add_method(struct bud_buffer *out, size_t start, const char *method)
{
	size_t len = strlen(method);

	/* Names are few and short; "PUT" must not be found in "PUTS". */
	for (size_t at = start; at < out->len; at += strcspn(out->at + at, ",") + 2) {
		if (strcspn(out->at + at, ",") == len && memcmp(out->at + at, method, len) == 0)
			return;
	}
	if (out->len > start)
		bud_buffer_text(out, ", ");
	bud_buffer_text(out, method);
}

void bud_route_write_allow(const struct bud_route_table *tables, size_t n_tables,
	struct bud_span path, struct bud_buffer *out)
{
	size_t start = out->len;
	struct bud_route_match match;

	for (size_t i = 0; i < n_tables; i++) {
		for (size_t k = 0; k < tables[i].n; k++) {
			const struct bud_route *route = &tables[i].routes[k];
			if (!match_path(route->path, path, &match))
				continue;
			add_method(out, start, route->method);
			if (strcmp(route->method, "GET") == 0)
				add_method(out, start, "HEAD");
		}
	}
	add_method(out, start, "OPTIONS");
}
