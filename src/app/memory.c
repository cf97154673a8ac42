/* How much memory this process may use. */
#include "app/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "config/config.h"

#define PATH_BYTES 4096

/* "0::/path" is the line of version 2. */
static bool find_path(const char *membership, char out[PATH_BYTES])
{
	FILE *file = fopen(membership, "re");
	bool found = false;

	while (file && !found && fgets(out, PATH_BYTES, file))
		found = strncmp(out, "0::/", 4) == 0;
	if (file)
		fclose(file);
	if (!found)
		return false;
	memmove(out, out + 3, strlen(out + 3) + 1);
	out[strcspn(out, "\n")] = '\0';
	return true;
}

/* 0: none, which is written "max". */
static unsigned long long read_limit(const char *mount, const char *path)
{
	char name[2 * PATH_BYTES];
	unsigned long long limit = 0;
	FILE *file;

	snprintf(name, sizeof(name), "%s%s/memory.max", mount, path);
	file = fopen(name, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &limit) != 1)
		limit = 0;
	fclose(file);
	return limit;
}

static unsigned long long lesser(unsigned long long a, unsigned long long b)
{
	return b > 0 && (a == 0 || b < a) ? b : a;
}

unsigned long long bud_memory_cgroup_limit(const char *mount, const char *membership)
{
	unsigned long long limit = 0;
	char path[PATH_BYTES];
	char *last;

	if (!find_path(membership, path))
		return 0;
	while ((last = strrchr(path, '/'))) {
		limit = lesser(limit, read_limit(mount, path));
		*last = '\0';
	}
	return lesser(limit, read_limit(mount, ""));
}

unsigned long long bud_memory_limit(const struct bud_config *config)
{
	unsigned long long limit = uv_get_total_memory();

	if (config->memory.limit_bytes > 0)
		return (unsigned long long)config->memory.limit_bytes;
	limit = lesser(limit, uv_get_constrained_memory());
	return lesser(limit, bud_memory_cgroup_limit("/sys/fs/cgroup", "/proc/self/cgroup"));
}
