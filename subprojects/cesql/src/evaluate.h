/* Runs a program against an event. */
#pragma once
#include "program.h"

enum cesql_error cesql_run(const struct cesql_expression *expression,
	const struct cesql_event *event, struct cesql_scratch *scratch,
	struct cesql_value *out_value);
