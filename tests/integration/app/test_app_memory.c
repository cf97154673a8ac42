/* In a cgroup the least limit of all around counts; "max" and missing files are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "app/memory.h"

static char dir[] = "/tmp/budstikke-memory-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static unsigned long long limit_in(const char *membership)
{
	char path[256];

	write_file("membership", membership);
	snprintf(path, sizeof(path), "%s/membership", dir);
	return bud_memory_cgroup_limit(dir, path);
}

static void test_least_counts(void **state)
{
	(void)state;
	make_folder("a");
	make_folder("a/b");
	assert_int_equal(limit_in("0::/a/b\n"), 0);
	write_file("a/memory.max", "max\n");
	assert_int_equal(limit_in("0::/a/b\n"), 0);
	write_file("a/b/memory.max", "500000000\n");
	assert_int_equal(limit_in("0::/a/b\n"), 500000000);
	write_file("a/memory.max", "300000000\n");
	assert_int_equal(limit_in("0::/a/b\n"), 300000000);
	assert_int_equal(limit_in("12:cpu:/x\n0::/a\n"), 300000000);
	assert_int_equal(limit_in("12:memory:/a\n"), 0);
	/* In a container its own cgroup is the root. */
	assert_int_equal(limit_in("0::/\n"), 0);
	write_file("memory.max", "200000000\n");
	assert_int_equal(limit_in("0::/\n"), 200000000);
	assert_int_equal(limit_in("0::/a/b\n"), 200000000);
	assert_int_equal(bud_memory_cgroup_limit(dir, "/nowhere"), 0);
}

static int remove_all(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_least_counts, remove_all),
	};

	if (!mkdtemp(dir))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
