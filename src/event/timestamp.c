/* RFC 3339, section 5.6, with what its text adds: t and z may be small, a second may be 60. */
#include "event/timestamp.h"

#include <errno.h>
#include <stdbool.h>

/* Takes exactly `n` digits. */
static bool cut_number(struct bud_span *text, size_t n, int max, int *out_number)
{
	int number = 0;

	if (text->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text->at[i];
		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
	}
	if (number > max)
		return false;
	text->at += n;
	text->len -= n;
	*out_number = number;
	return true;
}

/* Takes one byte, `c` in either case. */
static bool pass(struct bud_span *text, char c)
{
	if (text->len == 0 || (text->at[0] != c && text->at[0] != (c | 0x20)))
		return false;
	text->at++;
	text->len--;
	return true;
}

static int days_in(int year, int month)
{
	static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* Days since 1970-01-01, proleptic Gregorian: years begin in March, so the odd day is the last. */
static int64_t day_number(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t march_month = (month + 9) % 12;
	int64_t leaps = y >= 0 ? y / 4 - y / 100 + y / 400 : -1; /* y is -1 or more */

	return y * 365 + leaps + (march_month * 153 + 2) / 5 + day - 1 - 719468;
}

static bool cut_date(struct bud_span *text, int64_t *out_day)
{
	int year, month, day;

	if (!cut_number(text, 4, 9999, &year) || !pass(text, '-') ||
		!cut_number(text, 2, 12, &month) || !pass(text, '-') ||
		!cut_number(text, 2, 31, &day))
		return false;
	if (month < 1 || day < 1 || day > days_in(year, month))
		return false;
	*out_day = day_number(year, month, day);
	return true;
}

static bool cut_time(struct bud_span *text, int64_t *out_ms)
{
	int hour, minute, second, digit;
	int scale = 100;

	if (!cut_number(text, 2, 23, &hour) || !pass(text, ':') ||
		!cut_number(text, 2, 59, &minute) || !pass(text, ':') ||
		!cut_number(text, 2, 60, &second))
		return false;
	*out_ms = ((hour * 60 + minute) * 60LL + second) * 1000;
	if (!pass(text, '.'))
		return true;
	if (!cut_number(text, 1, 9, &digit))
		return false;
	do {
		*out_ms += digit * scale;
		scale /= 10;
	} while (cut_number(text, 1, 9, &digit));
	return true;
}

static bool cut_offset(struct bud_span *text, int64_t *out_ms)
{
	int hour, minute;
	int sign;

	*out_ms = 0;
	if (pass(text, 'Z'))
		return true;
	if (text->len == 0 || (text->at[0] != '+' && text->at[0] != '-'))
		return false;
	sign = text->at[0] == '+' ? 1 : -1;
	text->at++;
	text->len--;
	if (!cut_number(text, 2, 23, &hour) || !pass(text, ':') ||
		!cut_number(text, 2, 59, &minute))
		return false;
	*out_ms = sign * (hour * 60 + minute) * 60000LL;
	return true;
}

int bud_time_parse(struct bud_span rfc3339, int64_t *out_wall_ms)
{
	struct bud_span rest = rfc3339;
	int64_t day, time_ms, offset_ms;

	if (!cut_date(&rest, &day) || !pass(&rest, 'T') || !cut_time(&rest, &time_ms) ||
		!cut_offset(&rest, &offset_ms) || rest.len > 0)
		return -EINVAL;
	*out_wall_ms = day * 86400000LL + time_ms - offset_ms;
	return 0;
}
