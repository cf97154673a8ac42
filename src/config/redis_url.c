/* Redis addresses. */
#include "config/redis_url.h"

#include <ctype.h>
#include <stdlib.h>

#define PORT_STANDARD 6379
#define DATABASE_MAX  1023
#define MASK          "***"

static int refuse(struct bud_error *error, const char *why)
{
	return bud_error_set(error, NULL,
		"%s; give redis://[user:password@]host[:port][/database], unix:/path, "
		"or nothing for "
		"the embedded Redis",
		why);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent-encoding into `out`; false when it is wrong, too long or has a NUL. */
static bool decode(struct bud_span text, char *out, size_t room)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if (c == '%') {
			if (text.len - i < 3 || hex_digit(text.at[i + 1]) < 0 ||
				hex_digit(text.at[i + 2]) < 0)
				return false;
			c = (char)(hex_digit(text.at[i + 1]) << 4 | hex_digit(text.at[i + 2]));
			i += 2;
		}
		if (c == '\0' || len + 1 >= room)
			return false;
		out[len++] = c;
	}
	out[len] = '\0';
	return true;
}

static int parse_login(struct bud_span login, struct bud_redis_url *url, struct bud_error *error)
{
	struct bud_span user = bud_span_take_until(&login, ':');

	if (!decode(user, url->user, sizeof(url->user)) ||
		!decode(login, url->password, sizeof(url->password)) || url->password[0] == '\0')
		return refuse(error,
			"user and password must be percent-encoded, and the password not "
			"empty");
	if (strcmp(url->password, MASK) == 0)
		return bud_error_set(error, NULL,
			"the password is masked (" MASK "); put the real one in its place");
	return 0;
}

static bool is_host(struct bud_span host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!isalnum((unsigned char)host.at[i]) && !strchr("-._:", host.at[i]))
			return false;
	return host.len > 0;
}

static int parse_host(struct bud_span text, struct bud_redis_url *url, struct bud_error *error)
{
	struct bud_span host;
	uint64_t port = PORT_STANDARD;

	if (text.len > 0 && text.at[0] == '[') {
		if (!memchr(text.at, ']', text.len))
			return refuse(error, "the ] behind the address is missing");
		text = (struct bud_span){text.at + 1, text.len - 1};
		host = bud_span_take_until(&text, ']');
		if (text.len > 0 && text.at[0] != ':')
			return refuse(error, "there is something between ] and the port");
		if (text.len > 0)
			text = (struct bud_span){text.at + 1, text.len - 1};
	} else {
		host = bud_span_take_until(&text, ':');
	}
	if (!is_host(host) || host.len >= sizeof(url->host))
		return refuse(error, "the host is missing or no host name");
	if (text.len > 0 && (!bud_span_number(text, 65535, &port) || port == 0))
		return refuse(error, "the port must be a number from 1 to 65535");
	memcpy(url->host, host.at, host.len);
	url->port = (uint16_t)port;
	return 0;
}

static int parse_network(struct bud_span rest, struct bud_redis_url *url, struct bud_error *error)
{
	struct bud_span place = bud_span_take_until(&rest, '/');
	/* An @ in a password is percent-encoded by rule, but people forget: take the last one. */
	const char *at = place.len ? memrchr(place.at, '@', place.len) : NULL;
	uint64_t database = 0;
	int r;

	if (rest.len > 0 && !bud_span_number(rest, DATABASE_MAX, &database))
		return refuse(error, "the database must be a number");
	url->database = (unsigned)database;
	if (at) {
		size_t len = (size_t)(at - place.at);
		r = parse_login((struct bud_span){place.at, len}, url, error);
		if (r < 0)
			return r;
		place.at += len + 1;
		place.len -= len + 1;
	}
	return parse_host(place, url, error);
}

static int parse_path(struct bud_span path, struct bud_redis_url *url, struct bud_error *error)
{
	if (bud_span_starts(path, bud_span("//"))) /* unix:///path */
		path = (struct bud_span){path.at + 2, path.len - 2};
	if (path.len == 0 || path.len >= sizeof(url->path))
		return refuse(error, "the path of a unix socket has 1 to 107 bytes");
	memcpy(url->path, path.at, path.len);
	return 0;
}

int bud_redis_url_parse(
	struct bud_span text, struct bud_redis_url *out_url, struct bud_error *error)
{
	struct bud_span rest = text;
	struct bud_redis_url url = {0};
	struct bud_span scheme;
	int r = 0;

	if (text.len > 0) {
		scheme = bud_span_take_until(&rest, ':');
		if (bud_span_is_nocase(scheme, "rediss"))
			return refuse(error, "rediss: (TLS) is not supported");
		if (bud_span_is_nocase(scheme, "unix"))
			r = parse_path(rest, &url, error);
		else if (bud_span_is_nocase(scheme, "redis") &&
			 bud_span_starts(rest, bud_span("//")))
			r = parse_network(
				(struct bud_span){rest.at + 2, rest.len - 2}, &url, error);
		else
			r = refuse(error, "it does not begin with redis:// or unix:");
	}
	if (r == 0)
		*out_url = url;
	explicit_bzero(&url, sizeof(url));
	return r;
}

bool bud_redis_url_is_embedded(const struct bud_redis_url *url)
{
	return url->host[0] == '\0' && url->path[0] == '\0';
}

static void write_encoded(const char *text, struct bud_buffer *out)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			bud_buffer_byte(out, *text);
		else
			bud_buffer_format(out, "%%%02X", (unsigned char)*text);
}

void bud_redis_url_write(const struct bud_redis_url *url, struct bud_buffer *out)
{
	bool has_colon = strchr(url->host, ':') != NULL;

	if (bud_redis_url_is_embedded(url))
		return;
	if (url->path[0]) {
		bud_buffer_format(out, "unix:%s", url->path);
		return;
	}
	bud_buffer_text(out, "redis://");
	if (url->password[0]) {
		write_encoded(url->user, out);
		bud_buffer_text(out, ":" MASK "@");
	}
	bud_buffer_format(
		out, "%s%s%s:%u", has_colon ? "[" : "", url->host, has_colon ? "]" : "", url->port);
	if (url->database)
		bud_buffer_format(out, "/%u", url->database);
}
