/* The tables behind case_table.c, in order of characters. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The characters first, first + step … last all move by delta. */
struct cesql_case_range {
	uint32_t first, last;
	int32_t step, delta;
};

extern const struct cesql_case_range cesql_to_upper[];
extern const size_t cesql_to_upper_n;
extern const struct cesql_case_range cesql_to_lower[];
extern const size_t cesql_to_lower_n;
