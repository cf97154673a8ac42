/* A place is written as a path, and its line is that of the member's name or of the element; where
 * the text does not have it, of the last part that is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/place.h"

static const char text[] = "{\n"
			   " \"a\": [1, {\"x\": 2},\n"
			   "   {\"y\": {},\n"
			   "    \"w\\u00e5\": 3}],\n"
			   " \"b\": \"two\\nlines\", \"c\":\n"
			   " true\n"
			   "}\n";

static void finds_lines(void **state)
{
	struct bud_span json = bud_span(text);
	struct bud_place a = {NULL, "a", 0};
	struct bud_place second = {&a, NULL, 2};
	struct bud_place y = {&second, "y", 0};
	struct bud_place escaped = {&second, "w\xc3\xa5", 0};
	struct bud_place beyond = {&a, NULL, 9};
	struct bud_place c = {NULL, "c", 0};
	struct bud_place missing = {NULL, "d", 0};

	(void)state;
	assert_int_equal(bud_place_line(NULL, json), 1);
	assert_int_equal(bud_place_line(&a, json), 2);
	assert_int_equal(bud_place_line(&second, json), 3);
	assert_int_equal(bud_place_line(&y, json), 3);
	assert_int_equal(bud_place_line(&escaped, json), 4);
	assert_int_equal(bud_place_line(&beyond, json), 2);
	assert_int_equal(bud_place_line(&c, json), 5);
	assert_int_equal(bud_place_line(&missing, json), 1);
}

static void writes_paths(void **state)
{
	struct bud_place a = {NULL, "rules", 0};
	struct bud_place b = {&a, NULL, 2};
	struct bud_place c = {&b, "who", 0};
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	bud_place_write(NULL, &out);
	assert_int_equal(out.len, 0);
	bud_place_write(&c, &out);
	assert_string_equal(out.at, "rules[2].who");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_lines),
		cmocka_unit_test(writes_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
