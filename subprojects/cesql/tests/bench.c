/* Nanoseconds per compilation and per evaluation of what filters look like, as a line of JSON each.
 * The event has 18 attributes, found by comparing names one after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases.h"

static const char *const expressions[] = {
	"type = 'com.example.order.created'",
	"type = 'com.example.order.created' AND source LIKE '/orders/%'",
	"type IN ('a', 'b', 'c', 'com.example.order.created')",
	"EXISTS subject AND subject != 'x' AND n > 3",
	"type LIKE '%order%created' OR subject = 'x'",
	"INT(digits) % 7 = 0 AND NOT (yes XOR TRUE)",
	"LOWER(CONCAT(subject, '-', n)) = 'abc-5'",
};

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const char *text, size_t n)
{
	char scratch[CESQL_SCRATCH_BYTES];
	struct cesql_expression *expression;
	double began = now_ns();
	double compiled_ns;
	size_t passed = 0;

	for (size_t i = 0; i < n; i++) {
		if (cesql_compile(text, strlen(text), NULL, &expression, NULL) != 0)
			abort();
		if (i + 1 < n)
			cesql_destroy(expression);
	}
	compiled_ns = (now_ns() - began) / (double)n;
	began = now_ns();
	for (size_t i = 0; i < 10 * n; i++)
		passed += cesql_passes(expression, &cases_event, scratch, sizeof(scratch));
	printf("{\"expression\":\"%s\",\"evaluate_ns\":%.1f,\"compile_ns\":%.0f,\"bytes\":%zu,"
	       "\"passes\":%s}\n",
		text, (now_ns() - began) / (double)(10 * n), compiled_ns,
		cesql_size_bytes(expression), passed ? "true" : "false");
	cesql_destroy(expression);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;

	for (size_t i = 0; n > 0 && i < sizeof(expressions) / sizeof(expressions[0]); i++)
		measure(expressions[i], n);
	return n > 0 ? 0 : 2;
}
