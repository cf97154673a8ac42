/* Requests: look-ups over what came. */
#include "http/request.h"

#include <assert.h>
#include <errno.h>

#include "http/connection.h"
#include "http/percent.h"

const struct bud_identity *bud_request_identity(const struct bud_request *request)
{
	assert(request->identity);
	return request->identity;
}

bool bud_request_has_ended(const struct bud_request *request)
{
	const struct bud_exchange *exchange = bud_container(request, struct bud_exchange, request);

	return exchange->connection->is_ended ||
	       exchange->connection->state >= BUD_CONNECTION_CLOSING;
}

struct bud_span bud_request_header(const struct bud_request *request, const char *name)
{
	for (size_t i = 0; i < request->n_headers; i++) {
		if (bud_span_is_nocase(request->headers[i].name, name))
			return request->headers[i].value;
	}
	return (struct bud_span){NULL, 0};
}

int bud_query_next(struct bud_span query, size_t *position, struct bud_buffer *out_name,
	struct bud_buffer *out_value)
{
	while (*position < query.len && query.at[*position] == '&')
		(*position)++;
	if (*position >= query.len)
		return 0;
	struct bud_span pair = {query.at + *position, query.len - *position};
	const char *mark = memchr(pair.at, '&', pair.len);
	if (mark)
		pair.len = (size_t)(mark - pair.at);
	*position += pair.len;
	mark = memchr(pair.at, '=', pair.len);
	struct bud_span name = {pair.at, mark ? (size_t)(mark - pair.at) : pair.len};
	struct bud_span value = {name.at + name.len, 0};
	if (mark)
		value = (struct bud_span){mark + 1, pair.len - name.len - 1};
	bud_buffer_clear(out_name);
	bud_buffer_clear(out_value);
	int r = bud_percent_decode(name, true, out_name);
	if (r == 0)
		r = bud_percent_decode(value, true, out_value);
	return r < 0 ? r : 1;
}

int bud_request_query_next(const struct bud_request *request, size_t *position,
	struct bud_buffer *out_name, struct bud_buffer *out_value)
{
	return bud_query_next(request->query, position, out_name, out_value);
}

int bud_request_query(
	const struct bud_request *request, const char *name, struct bud_buffer *out_value)
{
	bud_auto(buffer) struct bud_buffer found = {0};
	size_t position = 0;
	int r;

	bud_buffer_clear(out_value);
	while ((r = bud_request_query_next(request, &position, &found, out_value)) != 0) {
		/* A fault elsewhere in the query is not this parameter's. */
		if (bud_span_is(bud_buffer_as_span(&found), name))
			return r;
	}
	bud_buffer_clear(out_value);
	return 0;
}
