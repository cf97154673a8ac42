#include "redis/info.h"
#include <stdlib.h>
#include "core/error.h"

bool bud_redis_info_find(struct bud_span info, const char *name, struct bud_span *out_value)
{
	size_t name_len = strlen(name);
	while (info.len > 0) {
		const char *end = memchr(info.at, '\n', info.len);
		size_t line = end ? (size_t)(end - info.at) : info.len;
		if (line > name_len && info.at[name_len] == ':' &&
			memcmp(info.at, name, name_len) == 0) {
			size_t len = line - name_len - 1;
			const char *at = info.at + name_len + 1;
			if (len > 0 && at[len - 1] == '\r')
				len--;
			*out_value = (struct bud_span){at, len};
			return true;
		}
		size_t step = end ? line + 1 : line;
		info.at += step;
		info.len -= step;
	}
	return false;
}

/* "7.0.15" -> 7000; 0 when it is no version. */
static unsigned version_number(struct bud_span version)
{
	char text[16] = "";
	memcpy(text, version.at, version.len < sizeof(text) ? version.len : sizeof(text) - 1);
	char *rest;
	unsigned long major = strtoul(text, &rest, 10);
	unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	return major < 1000 && minor < 1000 ? (unsigned)(major * 1000 + minor) : 0;
}

static int check_version(struct bud_span info, struct bud_error *error)
{
	struct bud_span version;
	if (bud_redis_info_find(info, "valkey_version", &version)) {
		if (version_number(version) < 7002)
			return bud_error_set(error, NULL,
				"Valkey is version %.*s; 7.2 or newer is needed", (int)version.len,
				version.at);
		return 0;
	}
	if (!bud_redis_info_find(info, "redis_version", &version))
		return bud_error_set(error, NULL, "the server does not tell its version in INFO");
	if (version_number(version) < 7000)
		return bud_error_set(error, NULL, "Redis is version %.*s; 7.0 or newer is needed",
			(int)version.len, version.at);
	return 0;
}

static int check_loaded(struct bud_span info, struct bud_error *error)
{
	struct bud_span value;
	if (!bud_redis_info_find(info, "loading", &value) || bud_span_is(value, "0"))
		return 0;
	/* No figure in the text: it would be a new reason each time. */
	return bud_error_set(error, NULL, "Redis is loading its data");
}

static int check_policy(struct bud_span info, struct bud_error *error)
{
	struct bud_span limit;
	struct bud_span policy;
	if (!bud_redis_info_find(info, "maxmemory", &limit) ||
		!bud_redis_info_find(info, "maxmemory_policy", &policy))
		return bud_error_set(
			error, NULL, "the server does not tell its maxmemory-policy in INFO");
	if (bud_span_is(limit, "0") || bud_span_is(policy, "noeviction"))
		return 0;
	return bud_error_set(error, NULL,
		"maxmemory-policy is %.*s, which lets Redis delete events; set it to noeviction",
		(int)policy.len, policy.at);
}

int bud_redis_info_check(struct bud_span info, struct bud_error *error)
{
	int r = check_version(info, error);
	if (r < 0)
		return r;
	r = check_loaded(info, error);
	if (r < 0)
		return r;
	struct bud_span role;
	if (!bud_redis_info_find(info, "role", &role) || !bud_span_is(role, "master"))
		return bud_error_set(error, NULL, "Redis is a replica; its master is needed");
	return check_policy(info, error);
}
