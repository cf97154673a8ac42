/* Control digits: the weighted sum of all digits is a multiple of 11. */
#include "auth/norwegian.h"

static bool is_digits(struct bud_span text, size_t n)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return text.len == n;
}

static bool is_sum_well(struct bud_span text, const int *weights, size_t n)
{
	int sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (text.at[i] - '0') * weights[i];
	return sum % 11 == 0;
}

bool bud_org_number_is_valid(struct bud_span text)
{
	static const int weights[] = {3, 2, 7, 6, 5, 4, 3, 2, 1};

	return is_digits(text, 9) && is_sum_well(text, weights, 9);
}

bool bud_person_number_is_valid(struct bud_span text)
{
	static const int first[] = {3, 7, 6, 1, 8, 9, 4, 5, 2, 1};
	static const int second[] = {5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1};

	return is_digits(text, 11) && is_sum_well(text, first, 10) && is_sum_well(text, second, 11);
}
