/* A file is read whole, or one byte more than it may have. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/text.h"

#define BYTES 200000u

static void test_whole_or_one_more(void **state)
{
	char path[] = "/tmp/bud-file-XXXXXX";
	bud_auto(buffer) struct bud_buffer out = {0};
	char *bytes = malloc(BYTES);
	int fd = mkstemp(path);

	(void)state;
	memset(bytes, 'x', BYTES);
	bytes[BYTES - 1] = 'y';
	assert_int_equal(write(fd, bytes, BYTES), BYTES);
	close(fd);
	assert_int_equal(bud_file_read(path, BYTES, &out), 0);
	assert_int_equal(out.len, BYTES);
	assert_memory_equal(out.at, bytes, BYTES);
	bud_buffer_clear(&out);
	assert_int_equal(bud_file_read(path, 1000, &out), 0);
	assert_int_equal(out.len, 1001);
	unlink(path);
	bud_buffer_clear(&out);
	assert_int_equal(bud_file_read(path, BYTES, &out), -ENOENT);
	assert_int_equal(bud_file_read("/", BYTES, &out), -EISDIR);
	assert_int_equal(out.len, 0);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole_or_one_more)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
