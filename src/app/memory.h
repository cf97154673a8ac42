/* How much memory this process may use. */
#pragma once

struct bud_config; /* config/config.h */

/* In bytes: as configured, else the machine's, or its cgroup's when that is less. */
unsigned long long bud_memory_limit(const struct bud_config *config);
/* The least memory.max of a cgroup (version 2, which libuv before 1.45 does not know) and those
 * around it; 0: none. `mount` is where they are mounted, `membership` the file that names ours:
 * /proc/self/cgroup. */
unsigned long long bud_memory_cgroup_limit(const char *mount, const char *membership);
