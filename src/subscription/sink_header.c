/* Sink headers. Refused are the fields that frame a request, that we set ourselves, or that a
 * receiver takes as our word. */
#include "subscription/sink_header.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "core/limits.h"
#include "core/text.h"
#include "subscription/body.h"

#define PATH "protocolsettings.headers"

static const char *const ours[] = {"host", "connection", "keep-alive", "proxy-connection", "te",
	"trailer", "transfer-encoding", "upgrade", "expect", "content-length", "content-type",
	"content-encoding", "accept-encoding", "date", "traceparent", "tracestate", "origin"};
static const char *const our_prefixes[] = {"ce-", "webhook-", "proxy-"};

static bool is_ours(struct bud_span name)
{
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (bud_span_is_nocase(name, ours[i]))
			return true;
	for (size_t i = 0; i < sizeof(our_prefixes) / sizeof(*our_prefixes); i++)
		if (bud_span_starts_nocase(name, our_prefixes[i]))
			return true;
	return false;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *name)
{
	static const char legal[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return *name && name[strspn(name, legal)] == '\0';
}

static bool is_field_value(struct bud_span value)
{
	if (value.len == 0 || bud_span_trim(value).len != value.len)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] != '\t' && (value.at[i] < 0x20 || value.at[i] > 0x7e))
			return false;
	return true;
}

static bool is_twice(const struct bud_sink_header *headers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(headers[i].name, name) == 0)
			return true;
	return false;
}

static int check(const char *name, const json_t *value, struct bud_error *error)
{
	char member[BUD_ERROR_MEMBER_MAX];
	struct bud_span text = {json_string_value(value), json_string_length(value)};

	snprintf(member, sizeof(member), PATH ".%s", name);
	if (!is_token(name))
		return bud_error_set(error, member, "%s: no name of a header field", member);
	if (is_ours(bud_span(name)))
		return bud_error_set(error, member, "%s: this field cannot be set", member);
	if (!json_is_string(value))
		return bud_error_set(error, member, "%s must be a text", member);
	if (!is_field_value(text))
		return bud_error_set(error, member,
			"%s must be visible ASCII, not empty, without blanks at its ends", member);
	if (strlen(name) + text.len > BUD_SINK_HEADER_BYTES)
		return bud_error_set(error, member, "%s: name and value are longer than %u bytes",
			member, BUD_SINK_HEADER_BYTES);
	return 0;
}

int bud_sink_headers_parse(const struct json_t *headers, struct bud_sink_header **out_headers,
	size_t *out_n, struct bud_error *error)
{
	struct bud_sink_header made[BUD_SINK_HEADERS_MAX];
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!json_is_object(headers))
		return bud_error_set(error, PATH, PATH " must be an object of texts");
	if (json_object_size(headers) > BUD_SINK_HEADERS_MAX)
		return bud_error_set(
			error, PATH, PATH " has more than %u fields", BUD_SINK_HEADERS_MAX);
	json_object_foreach((json_t *)headers, name, value)
	{
		int r = check(name, value, error);
		if (r < 0)
			return r;
		if (is_twice(made, n, name))
			return bud_error_set(error, PATH, PATH " has %s twice", name);
		made[n++] =
			(struct bud_sink_header){(char *)name, (char *)json_string_value(value)};
	}
	if (n > 0) {
		*out_headers = bud_alloc(n * sizeof(**out_headers));
		for (size_t i = 0; i < n; i++)
			(*out_headers)[i] = (struct bud_sink_header){
				bud_strdup(made[i].name), bud_strdup(made[i].value)};
	}
	*out_n = n;
	return 0;
}

/* NULL when it is absent; null counts as absent. */
static const json_t *get(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

int bud_sink_settings_parse(const struct json_t *settings, struct bud_sink_header **out_headers,
	size_t *out_n, struct bud_error *error)
{
	static const char *const known[] = {"headers", "method", NULL};
	const json_t *method = get(settings, "method");
	const json_t *headers = get(settings, "headers");

	if (bud_body_check(settings, "protocolsettings", known, error) < 0)
		return -EINVAL;
	if (method && (!json_is_string(method) || strcmp(json_string_value(method), "POST") != 0))
		return bud_error_set(error, "protocolsettings.method",
			"protocolsettings.method must be \"POST\"");
	return headers ? bud_sink_headers_parse(headers, out_headers, out_n, error) : 0;
}

const char *bud_sink_headers_signature_field(const struct bud_sink_header *headers, size_t n)
{
	static const char *const names[] = {"content-digest", "signature-input", "signature"};

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (bud_span_is_nocase(bud_span(headers[i].name), names[k]))
				return headers[i].name;
	return NULL;
}

void bud_sink_headers_destroy(struct bud_sink_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(headers[i].name);
		free(headers[i].value);
	}
	free(headers);
}
