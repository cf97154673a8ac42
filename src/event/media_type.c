/* A media type: type "/" subtype *( OWS ";" OWS [ name "=" value ] ). */
#include "event/media_type.h"

static bool is_token_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static struct bud_span cut_token(struct bud_span *text)
{
	struct bud_span token = {text->at, 0};

	while (token.len < text->len && is_token_byte(text->at[token.len]))
		token.len++;
	text->at += token.len;
	text->len -= token.len;
	return token;
}

static bool pass(struct bud_span *text, char c)
{
	if (text->len == 0 || text->at[0] != c)
		return false;
	text->at++;
	text->len--;
	return true;
}

/* Inside the quotes; a backslash stays, since no value we compare needs one. */
static bool cut_quoted(struct bud_span *text, struct bud_span *out_value)
{
	for (size_t i = 1; i < text->len; i++) {
		unsigned char c = (unsigned char)text->at[i];
		if (c == '"') {
			*out_value = (struct bud_span){text->at + 1, i - 1};
			text->at += i + 1;
			text->len -= i + 1;
			return true;
		}
		if (c == '\\')
			c = ++i < text->len ? (unsigned char)text->at[i] : 0;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return false;
}

static bool read_parameter(struct bud_span *text, struct bud_media_type *type)
{
	struct bud_span name = cut_token(text);
	struct bud_span value;

	if (name.len == 0)
		return true; /* RFC 9110 allows "; ;" */
	if (!pass(text, '='))
		return false;
	if (text->len > 0 && text->at[0] == '"') {
		if (!cut_quoted(text, &value))
			return false;
	} else {
		value = cut_token(text);
		if (value.len == 0)
			return false;
	}
	if (!bud_span_is_nocase(name, "charset"))
		return true;
	if (type->charset.at)
		return false;
	type->charset = value;
	return true;
}

bool bud_media_type_parse(struct bud_span text, struct bud_media_type *out_type)
{
	struct bud_media_type type = {0};
	struct bud_span rest = bud_span_trim(text);

	if (rest.len == 0)
		return false;
	type.essence = cut_token(&rest);
	if (type.essence.len == 0 || !pass(&rest, '/'))
		return false;
	type.subtype = cut_token(&rest);
	if (type.subtype.len == 0)
		return false;
	type.essence.len += 1 + type.subtype.len;
	for (;;) {
		rest = bud_span_trim(rest);
		if (rest.len == 0)
			break;
		if (!pass(&rest, ';'))
			return false;
		rest = bud_span_trim(rest);
		if (!read_parameter(&rest, &type))
			return false;
	}
	*out_type = type;
	return true;
}

static bool ends_nocase(struct bud_span span, const char *suffix)
{
	size_t len = strlen(suffix);

	return span.len > len &&
	       bud_span_is_nocase((struct bud_span){span.at + span.len - len, len}, suffix);
}

bool bud_media_type_is_json(const struct bud_media_type *type)
{
	return bud_span_is_nocase(type->subtype, "json") || ends_nocase(type->subtype, "+json");
}

bool bud_media_type_is_text(const struct bud_media_type *type)
{
	return bud_span_starts_nocase(type->essence, "text/") ||
	       bud_span_is_nocase(type->subtype, "xml") || ends_nocase(type->subtype, "+xml");
}

bool bud_media_type_is_utf8(const struct bud_media_type *type)
{
	return !type->charset.at || bud_span_is_nocase(type->charset, "utf-8") ||
	       bud_span_is_nocase(type->charset, "us-ascii");
}
