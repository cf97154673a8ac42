/* Whichever allocation fails, a compilation says so and leaves nothing behind; an evaluation makes
 * none. The library's objects are linked with these in the place of malloc and its like. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

void *__real_malloc(size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void __real_free(void *memory);
void *__wrap_malloc(size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void __wrap_free(void *memory);

static size_t allocations; /* so far */
static size_t fails_at;    /* that one fails; 0: none */
static size_t live;        /* not freed yet */

static bool fails(void)
{
	return ++allocations == fails_at;
}

void *__wrap_malloc(size_t bytes)
{
	if (fails())
		return NULL;
	live++;
	return __real_malloc(bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
	if (fails())
		return NULL;
	live += memory == NULL;
	return __real_realloc(memory, bytes);
}

void __wrap_free(void *memory)
{
	live -= memory != NULL;
	__real_free(memory);
}

static void must(bool holds, const char *what, size_t n)
{
	if (holds)
		return;
	fprintf(stderr, "%s, with allocation %zu failing\n", what, n);
	exit(1);
}

int main(void)
{
	static const char text[] =
		"type IN ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i') AND source LIKE '/x%' AND "
		"(subject = 'a' OR 'b' = subject) AND EXISTS a1 AND b2 AND c3 AND d4 AND e5 AND f6 "
		"AND CONCAT_WS(n, a7, UPPER(a8)) != LEFT('abc', n) OR "
		"NOT LENGTH(CONCAT(n, 'x')) = 2";
	struct cesql_expression *expression;
	struct cesql_value value;
	char scratch[CESQL_SCRATCH_BYTES];
	int result = -ENOMEM;
	size_t n = 0;

	while (result != 0) {
		fails_at = ++n;
		allocations = 0;
		result = cesql_compile(text, sizeof(text) - 1, NULL, &expression, NULL);
		must(result == 0 || result == -ENOMEM, "another result", n);
		must(live == (result == 0), "something is left", n);
	}
	fails_at = 0;
	allocations = 0;
	cesql_evaluate(expression, &cases_event, scratch, sizeof(scratch), &value);
	must(allocations == 0, "an evaluation allocates", 0);
	cesql_destroy(expression);
	must(live == 0, "the expression is left", 0);
	must(cesql_compile("'", 1, NULL, &expression, NULL) == -EINVAL && live == 0, "a fault", 0);
	printf("%zu allocations\n", n - 1);
	return n > 8 ? 0 : 1;
}
