/* redis://[user:password@]host[:port][/db] is cut from the left: scheme, user info up to the last
 * '@', host, port, database. unix:PATH is all path. */
#include "redis/url.h"
#include <stdlib.h>
#include <sys/un.h>
#include "core/error.h"
#include "core/text.h"

#define PORT_DEFAULT 6379
#define HOST_MAX     253
#define DB_MAX       1000000

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* NULL when a %XX is broken or is a NUL. */
static char *percent_decode(struct bud_span span)
{
	char *out = bud_alloc(span.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < span.len; i++) {
		if (span.at[i] != '%') {
			out[n++] = span.at[i];
			continue;
		}
		int high = i + 2 < span.len ? hex_digit(span.at[i + 1]) : -1;
		int low = i + 2 < span.len ? hex_digit(span.at[i + 2]) : -1;
		if (high < 0 || low < 0 || (high == 0 && low == 0)) {
			free(out);
			return NULL;
		}
		out[n++] = (char)(high * 16 + low);
		i += 2;
	}
	out[n] = '\0';
	return out;
}

static int parse_unix(struct bud_span path, struct bud_redis_url *url, struct bud_error *error)
{
	size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (path.len == 0)
		return bud_error_set(error, NULL, "unix: needs the path of a socket");
	if (path.len > path_max)
		return bud_error_set(error, NULL,
			"the socket's path has %zu bytes, the system allows %zu; a path relative "
			"to the working directory may be shorter",
			path.len, path_max);
	url->unix_path = bud_strndup(path.at, path.len);
	return 0;
}

/* `rest` is what follows redis://; afterwards what follows the '@'. */
static int parse_user(struct bud_span *rest, struct bud_redis_url *url, struct bud_error *error)
{
	const char *at = memrchr(rest->at, '@', rest->len);
	if (!at)
		return 0;
	struct bud_span info = {rest->at, (size_t)(at - rest->at)};
	*rest = (struct bud_span){at + 1, rest->len - info.len - 1};
	const char *colon = memchr(info.at, ':', info.len);
	if (!colon)
		return bud_error_set(error, NULL, "before the @ stands user:password or :password");
	struct bud_span user = {info.at, (size_t)(colon - info.at)};
	struct bud_span password = {colon + 1, info.len - user.len - 1};
	if (user.len > 0)
		url->user = percent_decode(user);
	url->password = percent_decode(password);
	if ((user.len > 0 && !url->user) || !url->password)
		return bud_error_set(error, NULL, "user or password holds a broken %%XX");
	return 0;
}

static int parse_database(struct bud_span *rest, struct bud_redis_url *url, struct bud_error *error)
{
	const char *slash = memchr(rest->at, '/', rest->len);
	if (!slash)
		return 0;
	struct bud_span text = {slash + 1, rest->len - (size_t)(slash - rest->at) - 1};
	rest->len = (size_t)(slash - rest->at);
	uint64_t db = 0;
	if (text.len > 0 && !bud_span_number(text, DB_MAX, &db))
		return bud_error_set(error, NULL, "after the host stands /number, a database");
	url->db = (int)db;
	return 0;
}

static int parse_host(struct bud_span rest, struct bud_redis_url *url, struct bud_error *error)
{
	struct bud_span host = rest;
	const char *port = NULL;
	if (rest.len > 0 && rest.at[0] == '[') {
		const char *end = memchr(rest.at, ']', rest.len);
		if (!end)
			return bud_error_set(error, NULL, "the ] after an IPv6 address is missing");
		host = (struct bud_span){rest.at + 1, (size_t)(end - rest.at) - 1};
		if (end + 1 < rest.at + rest.len)
			port = end + 1;
	} else {
		port = memchr(rest.at, ':', rest.len);
		if (port)
			host.len = (size_t)(port - rest.at);
	}
	if (host.len == 0 || host.len > HOST_MAX || memchr(host.at, ' ', host.len))
		return bud_error_set(error, NULL, "redis:// needs a host: redis://host:port");
	uint64_t number = PORT_DEFAULT;
	if (port) {
		struct bud_span text = {port + 1, (size_t)(rest.at + rest.len - port) - 1};
		if (*port != ':' || !bud_span_number(text, 65535, &number) || number == 0)
			return bud_error_set(error, NULL, "the port is a number from 1 to 65535");
	}
	url->host = bud_strndup(host.at, host.len);
	url->port = (int)number;
	return 0;
}

static int parse_redis(struct bud_span rest, struct bud_redis_url *url, struct bud_error *error)
{
	int r = parse_user(&rest, url, error);
	if (r < 0)
		return r;
	r = parse_database(&rest, url, error);
	if (r < 0)
		return r;
	return parse_host(rest, url, error);
}

int bud_redis_url_parse(const char *text, struct bud_redis_url *out_url, struct bud_error *error)
{
	struct bud_span unix_scheme = bud_span("unix:");
	struct bud_span redis_scheme = bud_span("redis://");
	struct bud_span all = bud_span(text);
	struct bud_redis_url url = {0};
	int r;
	if (bud_span_starts(all, unix_scheme))
		r = parse_unix(bud_span(text + unix_scheme.len), &url, error);
	else if (bud_span_starts(all, redis_scheme))
		r = parse_redis(bud_span(text + redis_scheme.len), &url, error);
	else
		r = bud_error_set(error, NULL,
			"a Redis is redis://[user:password@]host:port[/db] or unix:/path/to/it");
	if (r < 0) {
		bud_redis_url_finish(&url);
		return r;
	}
	*out_url = url;
	return 0;
}

static char *copy_text(const char *text)
{
	return text ? bud_strdup(text) : NULL;
}

void bud_redis_url_copy(const struct bud_redis_url *url, struct bud_redis_url *out_url)
{
	*out_url = (struct bud_redis_url){
		.unix_path = copy_text(url->unix_path),
		.host = copy_text(url->host),
		.port = url->port,
		.user = copy_text(url->user),
		.password = copy_text(url->password),
		.db = url->db,
	};
}

void bud_redis_url_write(const struct bud_redis_url *url, struct bud_buffer *out)
{
	if (url->unix_path) {
		bud_buffer_text(out, "unix:");
		bud_buffer_text(out, url->unix_path);
		return;
	}
	bool is_ipv6 = strchr(url->host, ':') != NULL;
	bud_buffer_format(out, is_ipv6 ? "redis://[%s]:%d" : "redis://%s:%d", url->host, url->port);
	if (url->db)
		bud_buffer_format(out, "/%d", url->db);
}

void bud_redis_url_finish(struct bud_redis_url *url)
{
	free(url->unix_path);
	free(url->host);
	free(url->user);
	free(url->password);
	*url = (struct bud_redis_url){0};
}
