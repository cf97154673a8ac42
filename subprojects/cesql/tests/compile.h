/* For tests: an expression that must compile. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cesql.h"

static inline struct cesql_expression *compile(const char *text)
{
	struct cesql_expression *expression = NULL;
	struct cesql_fault fault;

	if (cesql_compile(text, strlen(text), NULL, &expression, &fault) != 0)
		fail_msg("%s: at %zu: %s", text, fault.offset, fault.message);
	return expression;
}
