/* URIs by the letter of RFC 3986. The parts are cut at their delimiters first (appendix B), then
 * each is checked for the characters it may have. */
#include "event/uri.h"

#include <strings.h>

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

/* Unreserved characters and sub-delims, which may stand in every part. */
static const bool is_common[256] = {
	['a' ... 'z'] = true,
	['A' ... 'Z'] = true,
	['0' ... '9'] = true,
	['-'] = true,
	['.'] = true,
	['_'] = true,
	['~'] = true,
	['!'] = true,
	['$'] = true,
	['&' ... ','] = true,
	[';'] = true,
	['='] = true,
};

/* Common and percent-encoded characters, and what `more` names. */
static bool has_only(struct bud_span part, const char *more)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.at[i];
		if (is_common[(unsigned char)c] || is_one_of(c, more))
			continue;
		if (c != '%' || part.len - i < 3 || !is_hex(part.at[i + 1]) ||
			!is_hex(part.at[i + 2]))
			return false;
		i += 2;
	}
	return true;
}

/* Takes what stands before the first character of `stops`, none of them a common one, off the front
 * of `text`. */
static struct bud_span cut(struct bud_span *text, const char *stops)
{
	struct bud_span part = {text->at, 0};

	while (part.len < text->len && (is_common[(unsigned char)text->at[part.len]] ||
					       !is_one_of(text->at[part.len], stops)))
		part.len++;
	text->at += part.len;
	text->len -= part.len;
	return part;
}

static void drop(struct bud_span *text, size_t len)
{
	text->at += len;
	text->len -= len;
}

static bool is_scheme(struct bud_span part)
{
	if (part.len == 0 || !is_alpha(part.at[0]))
		return false;
	for (size_t i = 1; i < part.len; i++)
		if (!is_alpha(part.at[i]) && !is_digit(part.at[i]) && !is_one_of(part.at[i], "+-."))
			return false;
	return true;
}

/* What stands behind the host: nothing, or a colon and digits. */
static bool is_port(struct bud_span part)
{
	if (part.len == 0)
		return true;
	if (part.at[0] != ':')
		return false;
	for (size_t i = 1; i < part.len; i++)
		if (!is_digit(part.at[i]))
			return false;
	return true;
}

/* The letters of an IP literal, not its arithmetic: nobody connects to a source. */
static bool is_ip_literal(struct bud_span part)
{
	if (part.len > 0 && (part.at[0] | 0x20) == 'v')
		return part.len > 3 && has_only(part, ":") && !memchr(part.at, '%', part.len);
	for (size_t i = 0; i < part.len; i++)
		if (!is_hex(part.at[i]) && part.at[i] != ':' && part.at[i] != '.')
			return false;
	return part.len >= 2 && memchr(part.at, ':', part.len);
}

static bool is_authority(struct bud_span part)
{
	struct bud_span rest = part;
	struct bud_span host = cut(&rest, "@");

	if (rest.len > 0) {
		if (!has_only(host, ":"))
			return false;
		drop(&rest, 1);
	} else {
		rest = part;
	}
	if (rest.len > 0 && rest.at[0] == '[') {
		drop(&rest, 1);
		if (!is_ip_literal(cut(&rest, "]")) || rest.len == 0)
			return false;
		drop(&rest, 1);
		return is_port(rest);
	}
	host = cut(&rest, ":");
	return has_only(host, "") && is_port(rest);
}

static bool check(struct bud_span text, bool needs_scheme)
{
	struct bud_span rest = text;
	struct bud_span part = cut(&rest, ":/?#");

	if (rest.len > 0 && rest.at[0] == ':') {
		if (!is_scheme(part))
			return false;
		drop(&rest, 1);
	} else if (needs_scheme) {
		return false;
	} else {
		rest = text;
	}
	if (rest.len >= 2 && rest.at[0] == '/' && rest.at[1] == '/') {
		drop(&rest, 2);
		if (!is_authority(cut(&rest, "/?#")))
			return false;
	}
	if (!has_only(cut(&rest, "?#"), "/:@"))
		return false;
	if (rest.len > 0 && rest.at[0] == '?') {
		drop(&rest, 1);
		if (!has_only(cut(&rest, "#"), "/:@?"))
			return false;
	}
	if (rest.len > 0)
		drop(&rest, 1);
	return has_only(rest, "/:@?");
}

bool bud_uri_is_reference(struct bud_span text)
{
	return check(text, false);
}

bool bud_uri_is_absolute(struct bud_span text)
{
	return check(text, true);
}

static bool is_dots(struct bud_span segment)
{
	size_t n = 0;

	while (n < 3 && segment.len > 0) {
		if (segment.at[0] == '.')
			drop(&segment, 1);
		else if (bud_span_starts_nocase(segment, "%2e"))
			drop(&segment, 3);
		else
			return false;
		n++;
	}
	return n == 1 || n == 2;
}

bool bud_uri_has_dots(struct bud_span path)
{
	while (path.len > 0)
		if (is_dots(bud_span_take_until(&path, '/')))
			return true;
	return false;
}

/* What two URIs have in common when one is the other's base. */
struct place {
	struct bud_span scheme;
	struct bud_span host; /* in brackets, if it is an IP literal */
	struct bud_span port; /* empty: the scheme's own */
	struct bud_span path; /* empty, if it has dots */
	bool has_dots;
};

static struct bud_span after_last(struct bud_span text, char c)
{
	for (size_t i = text.len; i > 0; i--)
		if (text.at[i - 1] == c)
			return (struct bud_span){text.at + i, text.len - i};
	return text;
}

static bool has_default_port(const struct place *place)
{
	return place->port.len == 0 ||
	       (bud_span_is_nocase(place->scheme, "https") && bud_span_is(place->port, "443")) ||
	       (bud_span_is_nocase(place->scheme, "http") && bud_span_is(place->port, "80"));
}

static bool read_place(struct bud_span text, struct place *out)
{
	struct bud_span rest = text;
	struct bud_span authority, port;

	out->scheme = cut(&rest, ":/?#");
	if (!is_scheme(out->scheme) || !bud_span_starts(rest, bud_span("://")))
		return false;
	drop(&rest, 3);
	authority = after_last(cut(&rest, "/?#"), '@');
	out->path = cut(&rest, "?#");
	out->has_dots = bud_uri_has_dots(out->path);
	if (out->has_dots)
		out->path.len = 0;
	port = after_last(authority, ':');
	if (port.len == authority.len || memchr(port.at, ']', port.len))
		port.len = 0;
	out->host = (struct bud_span){authority.at, authority.len - port.len};
	if (out->host.len > 0 && out->host.at[out->host.len - 1] == ':')
		out->host.len--;
	out->port = port;
	if (has_default_port(out))
		out->port.len = 0;
	return out->host.len > 0;
}

static bool equals_nocase(struct bud_span a, struct bud_span b)
{
	return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

struct writing {
	char *out;
	size_t len;
	size_t room;
};

static void write_part(struct writing *writing, struct bud_span part)
{
	size_t free_bytes = writing->room - writing->len;
	size_t len = part.len < free_bytes ? part.len : free_bytes;

	if (len > 0)
		memcpy(writing->out + writing->len, part.at, len);
	writing->len += len;
}

static void write_lower(struct writing *writing, struct bud_span part)
{
	size_t from = writing->len;

	write_part(writing, part);
	for (size_t i = from; i < writing->len; i++)
		if (writing->out[i] >= 'A' && writing->out[i] <= 'Z')
			writing->out[i] = (char)(writing->out[i] | 0x20);
}

size_t bud_uri_write_place(struct bud_span text, enum bud_uri_part part, char *out, size_t room)
{
	struct writing writing = {out, 0, room};
	struct place place;

	if (!read_place(text, &place) || (part == BUD_URI_FOLDER && place.has_dots))
		return 0;
	if (part == BUD_URI_FOLDER)
		place.path.len -= after_last(place.path, '/').len;
	write_lower(&writing, place.scheme);
	write_part(&writing, bud_span("://"));
	write_lower(&writing, place.host);
	if (place.port.len > 0) {
		write_part(&writing, bud_span(":"));
		write_part(&writing, place.port);
	}
	write_part(&writing, place.path.len > 0 ? place.path : bud_span("/"));
	return writing.len;
}

bool bud_uri_is_base(struct bud_span base, struct bud_span text)
{
	struct place from, to;
	struct bud_span folder;

	if (!read_place(base, &from) || from.has_dots || !read_place(text, &to) ||
		!equals_nocase(from.scheme, to.scheme) || !equals_nocase(from.host, to.host) ||
		!bud_span_equals(from.port, to.port))
		return false;
	folder = from.path;
	folder.len -= after_last(folder, '/').len;
	return folder.len <= 1 || bud_span_starts(to.path, folder);
}
