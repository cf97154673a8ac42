/* A cursor moves over the value; each step takes what it expects or fails. Names of days are not
 * compared with the date: a wrong one changes nothing about when. */
#include <stddef.h>
#include "fetch/retry_after.h"

#define MAX_S (BUD_RETRY_AFTER_MAX_MS / 1000)

struct date {
	int64_t year;
	unsigned month; /* 1-12 */
	unsigned day;
	unsigned hour;
	unsigned minute;
	unsigned second;
};

static const char *const day_names[] = {
	"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", NULL};
static const char *const short_day_names[] = {
	"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL};
static const char *const month_names[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", NULL};

static bool take_text(struct bud_span *rest, const char *text)
{
	struct bud_span prefix = bud_span(text);
	if (!bud_span_starts(*rest, prefix))
		return false;
	rest->at += prefix.len;
	rest->len -= prefix.len;
	return true;
}

/* Its place, from 1; 0 when it is none of them. */
static unsigned take_name(struct bud_span *rest, const char *const *names)
{
	for (unsigned i = 0; names[i]; i++)
		if (take_text(rest, names[i]))
			return i + 1;
	return 0;
}

static bool take_digits(struct bud_span *rest, unsigned digits, unsigned *out_number)
{
	uint64_t number;
	struct bud_span head = {rest->at, digits};
	if (rest->len < digits || !bud_span_number(head, 9999, &number))
		return false;
	rest->at += digits;
	rest->len -= digits;
	*out_number = (unsigned)number;
	return true;
}

static bool take_month(struct bud_span *rest, struct date *date)
{
	date->month = take_name(rest, month_names);
	return date->month > 0;
}

static bool take_time(struct bud_span *rest, struct date *date)
{
	return take_digits(rest, 2, &date->hour) && take_text(rest, ":") &&
	       take_digits(rest, 2, &date->minute) && take_text(rest, ":") &&
	       take_digits(rest, 2, &date->second);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_fixed(struct bud_span rest, struct date *date)
{
	unsigned year = 0;
	bool is_one = take_name(&rest, short_day_names) && take_text(&rest, ", ") &&
		      take_digits(&rest, 2, &date->day) && take_text(&rest, " ") &&
		      take_month(&rest, date) && take_text(&rest, " ") &&
		      take_digits(&rest, 4, &year) && take_text(&rest, " ") &&
		      take_time(&rest, date) && take_text(&rest, " GMT");
	date->year = year;
	return is_one && rest.len == 0;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT"; the century is settled by the caller. */
static bool read_rfc850(struct bud_span rest, struct date *date)
{
	unsigned year = 0;
	bool is_one = take_name(&rest, day_names) && take_text(&rest, ", ") &&
		      take_digits(&rest, 2, &date->day) && take_text(&rest, "-") &&
		      take_month(&rest, date) && take_text(&rest, "-") &&
		      take_digits(&rest, 2, &year) && take_text(&rest, " ") &&
		      take_time(&rest, date) && take_text(&rest, " GMT");
	date->year = year;
	return is_one && rest.len == 0;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(struct bud_span rest, struct date *date)
{
	unsigned year = 0;
	if (!take_name(&rest, short_day_names) || !take_text(&rest, " ") ||
		!take_month(&rest, date) || !take_text(&rest, " "))
		return false;
	unsigned digits = take_text(&rest, " ") ? 1 : 2;
	bool is_one = take_digits(&rest, digits, &date->day) && take_text(&rest, " ") &&
		      take_time(&rest, date) && take_text(&rest, " ") &&
		      take_digits(&rest, 4, &year);
	date->year = year;
	return is_one && rest.len == 0;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Second 60 is a leap second. */
static bool is_possible(const struct date *date)
{
	static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned last = days[date->month - 1] + (date->month == 2 && is_leap(date->year));
	return date->day >= 1 && date->day <= last && date->hour < 24 && date->minute < 60 &&
	       date->second <= 60;
}

/* Days before `year`-01-01 since the year 0. */
static int64_t days_before(int64_t year)
{
	int64_t past = year - 1;
	return year * 365 + past / 4 - past / 100 + past / 400;
}

static int64_t seconds_of(const struct date *date)
{
	static const unsigned before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t days = days_before(date->year) - days_before(1970) + before[date->month - 1] +
		       date->day - 1 + (date->month > 2 && is_leap(date->year));
	return ((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
}

static bool read_date(struct bud_span value, int64_t now_s, int64_t *out_seconds)
{
	struct date date = {0};
	if (read_rfc850(value, &date)) {
		/* Two digits that look more than 50 years ahead are of the last century. */
		int64_t this_year = 1970 + now_s / 31556952;
		date.year += this_year - this_year % 100;
		if (date.year > this_year + 50)
			date.year -= 100;
	} else if (!read_fixed(value, &date) && !read_asctime(value, &date)) {
		return false;
	}
	if (!is_possible(&date))
		return false;
	*out_seconds = seconds_of(&date);
	return true;
}

static bool is_digits(struct bud_span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
	return value.len > 0;
}

bool bud_retry_after_parse(struct bud_span value, int64_t now_wall_ms, int64_t *out_wait_ms)
{
	int64_t date_s = 0;
	uint64_t seconds;
	value = bud_span_trim(value);
	if (is_digits(value)) {
		if (!bud_span_number(value, MAX_S, &seconds))
			seconds = MAX_S;
		*out_wait_ms = (int64_t)seconds * 1000;
		return true;
	}
	if (!read_date(value, now_wall_ms / 1000, &date_s))
		return false;
	int64_t wait_ms = date_s * 1000 - now_wall_ms;
	if (wait_ms < 0)
		wait_ms = 0;
	*out_wait_ms = wait_ms < BUD_RETRY_AFTER_MAX_MS ? wait_ms : BUD_RETRY_AFTER_MAX_MS;
	return true;
}
