/* Hosts. */
#include "dispatch/host.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "core/alloc.h"

static size_t authority_len(struct bud_span rest)
{
	size_t n = 0;

	while (n < rest.len && !strchr("/?#", rest.at[n]))
		n++;
	return n;
}

/* 127.1, 0x7f000001 and 2130706433 are one address, as are [::1] and [0:0:0:0:0:0:0:1]. */
static bool write_address(struct bud_span name, struct bud_buffer *out)
{
	bool is_v6 = name.len > 2 && name.at[0] == '[' && name.at[name.len - 1] == ']';
	struct bud_span inner = is_v6 ? (struct bud_span){name.at + 1, name.len - 2} : name;
	char text[INET6_ADDRSTRLEN] = "";
	struct in_addr v4;
	struct in6_addr v6;

	if (inner.len == 0 || inner.len >= sizeof(text))
		return false;
	memcpy(text, inner.at, inner.len);
	if (is_v6 ? inet_pton(AF_INET6, text, &v6) != 1
		  : !isdigit((unsigned char)text[0]) || inet_aton(text, &v4) == 0)
		return false;
	(void)inet_ntop(
		is_v6 ? AF_INET6 : AF_INET, is_v6 ? (void *)&v6 : (void *)&v4, text, sizeof(text));
	bud_buffer_format(out, is_v6 ? "[%s]" : "%s", text);
	return true;
}

static void write_name(struct bud_span name, struct bud_buffer *out)
{
	if (name.len > 0 && name.at[name.len - 1] == '.')
		name.len--;
	if (write_address(name, out))
		return;
	for (size_t i = 0; i < name.len; i++)
		bud_buffer_byte(out, (char)tolower((unsigned char)name.at[i]));
}

/* Without what may stand before it for nothing. */
static struct bud_span plain_port(struct bud_span port)
{
	while (port.len > 1 && port.at[0] == '0')
		port = (struct bud_span){port.at + 1, port.len - 1};
	return port;
}

void bud_host_write(struct bud_span sink, struct bud_buffer *out)
{
	bool is_http = bud_span_starts_nocase(sink, "http://");
	struct bud_span name = {sink.at, sink.len};
	struct bud_span port = bud_span(is_http ? "80" : "443");
	size_t skip = is_http ? sizeof("http://") - 1 : sizeof("https://") - 1;
	size_t colon;

	if (name.len < skip)
		skip = name.len;
	name = (struct bud_span){sink.at + skip, sink.len - skip};
	name.len = authority_len(name);
	for (colon = name.len; colon > 0 && isdigit((unsigned char)name.at[colon - 1]); colon--)
		;
	if (colon > 0 && name.at[colon - 1] == ':') {
		if (colon < name.len)
			port = plain_port((struct bud_span){name.at + colon, name.len - colon});
		name.len = colon - 1;
	}
	write_name(name, out);
	bud_buffer_byte(out, ':');
	bud_buffer_span(out, port);
}

struct bud_host *bud_hosts_get(struct bud_hosts *hosts, struct bud_span sink)
{
	bud_auto(buffer) struct bud_buffer name = {0};
	struct bud_host *host;

	bud_host_write(sink, &name);
	host = bud_map_get(&hosts->by_name, bud_buffer_as_span(&name));
	if (!host) {
		host = bud_new(struct bud_host);
		host->name = name;
		name = (struct bud_buffer){0};
		bud_map_put(&hosts->by_name, bud_buffer_as_span(&host->name), host);
	}
	host->refs++;
	return host;
}

void bud_host_unref(struct bud_hosts *hosts, struct bud_host *host)
{
	if (--host->refs > 0)
		return;
	assert(host->running == 0);
	bud_map_remove(&hosts->by_name, bud_buffer_as_span(&host->name));
	bud_buffer_finish(&host->name);
	free(host);
}

void bud_hosts_finish(struct bud_hosts *hosts)
{
	assert(hosts->by_name.n == 0);
	bud_map_finish(&hosts->by_name);
}

bool bud_host_enter(struct bud_host *host, unsigned most)
{
	if (atomic_fetch_add_explicit(&host->running, 1, memory_order_relaxed) < most)
		return true;
	bud_host_leave(host);
	return false;
}

void bud_host_leave(struct bud_host *host)
{
	atomic_fetch_sub_explicit(&host->running, 1, memory_order_relaxed);
}
