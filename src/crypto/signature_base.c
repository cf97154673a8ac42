/* The signature base: plain text, written piece by piece. */
#include "crypto/signature_base.h"

char *bud_signature_params_write(
	const struct bud_component *components, size_t n, struct bud_span params, char *to)
{
	*to++ = '(';
	for (size_t i = 0; i < n; i++) {
		to = stpcpy(to, i > 0 ? " \"" : "\"");
		to = stpcpy(to, components[i].name);
		*to++ = '"';
	}
	*to++ = ')';
	return mempcpy(to, params.at, params.len);
}

void bud_signature_base_write(const struct bud_component *components, size_t n,
	struct bud_span inner, struct bud_buffer *out)
{
	for (size_t i = 0; i < n; i++) {
		bud_buffer_byte(out, '"');
		bud_buffer_text(out, components[i].name);
		bud_buffer_text(out, "\": ");
		bud_buffer_span(out, components[i].value);
		bud_buffer_byte(out, '\n');
	}
	bud_buffer_text(out, "\"@signature-params\": ");
	bud_buffer_span(out, inner);
}

static struct bud_span rest_behind(struct bud_span text, size_t len)
{
	return (struct bud_span){text.at + len, text.len - len};
}

/* Up to the first of `stops`. */
static struct bud_span cut(struct bud_span *text, const char *stops)
{
	struct bud_span part = {text->at, 0};

	while (part.len < text->len && !memchr(stops, text->at[part.len], strlen(stops)))
		part.len++;
	*text = rest_behind(*text, part.len);
	return part;
}

static void write_lower(struct bud_span text, struct bud_buffer *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bud_buffer_byte(out, (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c));
	}
}

static struct bud_span without_user(struct bud_span authority)
{
	for (size_t i = authority.len; i > 0; i--)
		if (authority.at[i - 1] == '@')
			return rest_behind(authority, i);
	return authority;
}

static struct bud_span without_default_port(struct bud_span authority, struct bud_span scheme)
{
	const char *port = bud_span_is_nocase(scheme, "https") ? ":443" : ":80";

	if (bud_span_ends(authority, bud_span(port)))
		authority.len -= strlen(port);
	else if (bud_span_ends(authority, bud_span(":")))
		authority.len--;
	return authority;
}

void bud_target_parts_write(
	struct bud_span uri, struct bud_buffer *out, struct bud_target_parts *out_parts)
{
	struct bud_span rest = uri;
	struct bud_span scheme = cut(&rest, ":");
	size_t from = out->len;
	size_t authority, path, query;
	struct bud_span part;

	rest = rest_behind(rest, rest.len < 3 ? rest.len : 3); /* "://" */
	write_lower(scheme, out);
	bud_buffer_text(out, "://");
	authority = out->len;
	part = without_default_port(without_user(cut(&rest, "/?#")), scheme);
	write_lower(part, out);
	path = out->len;
	part = cut(&rest, "?#");
	bud_buffer_span(out, part.len > 0 ? part : bud_span("/"));
	query = out->len;
	bud_buffer_span(out, cut(&rest, "#"));
	*out_parts = (struct bud_target_parts){
		.uri = {out->at + from, out->len - from},
		.authority = {out->at + authority, path - authority},
		.path = {out->at + path, query - path},
		.query = {out->at + query, out->len - query},
	};
	if (out_parts->query.len == 0)
		out_parts->query = bud_span("?");
}
