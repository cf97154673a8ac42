/* Entity tags. */
#include "api/etag.h"

#include "http/reply.h"
#include "http/request.h"

/* The next element of a list that commas part; quotes may hold commas. */
static struct bud_span cut_element(struct bud_span *rest)
{
	struct bud_span element = {rest->at, 0};
	bool is_quoted = false;

	while (element.len < rest->len) {
		char byte = rest->at[element.len];
		if (byte == '"')
			is_quoted = !is_quoted;
		else if (byte == ',' && !is_quoted)
			break;
		element.len++;
	}
	rest->at += element.len;
	rest->len -= element.len;
	if (rest->len > 0) {
		rest->at++;
		rest->len--;
	}
	return bud_span_trim(element);
}

static bool is_tag(struct bud_span element, const char *etag, enum bud_etag_strength strength)
{
	if (strength == BUD_ETAG_WEAK && bud_span_starts(element, bud_span("W/"))) {
		element.at += 2;
		element.len -= 2;
	}
	return element.len >= 2 && element.at[0] == '"' && element.at[element.len - 1] == '"' &&
	       bud_span_is((struct bud_span){element.at + 1, element.len - 2}, etag);
}

bool bud_etag_is_in(struct bud_span list, const char *etag, enum bud_etag_strength strength)
{
	if (bud_span_is(bud_span_trim(list), "*"))
		return true;
	while (list.len > 0)
		if (is_tag(cut_element(&list), etag, strength))
			return true;
	return false;
}

/* Over all fields called `name`: how many there are, and whether one has the tag. */
static size_t look(const struct bud_request *request, const char *name, const char *etag,
	enum bud_etag_strength strength, bool *out_is_in)
{
	size_t n = 0;

	*out_is_in = false;
	for (size_t i = 0; i < request->n_headers; i++) {
		const struct bud_header *header = &request->headers[i];
		if (!bud_span_is_nocase(header->name, name))
			continue;
		n++;
		if (bud_etag_is_in(header->value, etag, strength))
			*out_is_in = true;
	}
	return n;
}

bool bud_etag_permits_change(const struct bud_request *request, const char *etag)
{
	bool is_in;

	return look(request, "if-match", etag, BUD_ETAG_STRONG, &is_in) == 0 || is_in;
}

bool bud_etag_is_demanded(const struct bud_request *request)
{
	struct bud_span value = bud_request_header(request, "if-match");

	return value.at && !bud_span_is(bud_span_trim(value), "*");
}

bool bud_etag_is_known(const struct bud_request *request, const char *etag)
{
	bool is_in;

	return look(request, "if-none-match", etag, BUD_ETAG_WEAK, &is_in) > 0 && is_in;
}

void bud_etag_reply(struct bud_request *request, const char *etag)
{
	bud_auto(buffer) struct bud_buffer text = {0};

	bud_buffer_format(&text, "\"%s\"", etag);
	bud_reply_header(request, "ETag", text.at);
}
