/* Hosts. */
#include "dispatch/host.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

#include "core/alloc.h"

static size_t authority_len(struct bud_span rest)
{
	size_t n = 0;

	while (n < rest.len && !strchr("/?#", rest.at[n]))
		n++;
	return n;
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
	if (colon > 0 && colon < name.len && name.at[colon - 1] == ':') {
		port = (struct bud_span){name.at + colon, name.len - colon};
		name.len = colon - 1;
	}
	if (name.len > 0 && name.at[name.len - 1] == '.')
		name.len--;
	for (size_t i = 0; i < name.len; i++)
		bud_buffer_byte(out, (char)tolower((unsigned char)name.at[i]));
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
