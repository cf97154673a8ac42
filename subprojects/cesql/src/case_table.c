/* Looks a character up in the tables of case_ranges.c. */
#include "case_table.h"

#include "case_ranges.h"

static uint32_t map(const struct cesql_case_range *ranges, size_t n, uint32_t code)
{
	size_t low = 0;

	while (n > low) {
		size_t middle = low + (n - low) / 2;
		if (code < ranges[middle].first)
			n = middle;
		else if (code > ranges[middle].last)
			low = middle + 1;
		else if ((code - ranges[middle].first) % (uint32_t)ranges[middle].step == 0)
			return (uint32_t)((int32_t)code + ranges[middle].delta);
		else
			return code;
	}
	return code;
}

uint32_t cesql_case_map(uint32_t code, bool is_upper)
{
	if (is_upper)
		return map(cesql_to_upper, cesql_to_upper_n, code);
	return map(cesql_to_lower, cesql_to_lower_n, code);
}
