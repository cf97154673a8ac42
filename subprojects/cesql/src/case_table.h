/* The simple case mappings of Unicode: one character to one character. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* `code` itself when it has no other case. */
uint32_t cesql_case_map(uint32_t code, bool is_upper);
