/* Shares of a window: everybody gets all of it alone; while all wait, 70 to 25 to 5, in a window of
 * sixty as in a window of one; slots are not held for one that does not come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "dispatch/share.h"

#define TURNS 4000

static bool start(struct bud_shares *shares, enum bud_share share, unsigned window, int64_t now_ms)
{
	if (!bud_shares_have_room(shares, share, window, now_ms))
		return false;
	bud_shares_start(shares, share, window, now_ms);
	return true;
}

static void alone_it_gets_all(void **state)
{
	(void)state;
	for (int share = 0; share < BUD_SHARES; share++) {
		struct bud_shares shares = {0};
		unsigned n = 0;
		while (start(&shares, (enum bud_share)share, 16, 0))
			n++;
		assert_int_equal(n, 16);
		while (n-- > 0)
			bud_shares_end(&shares, (enum bud_share)share);
		assert_int_equal(shares.running, 0);
	}
}

/* All in `who` want as much as they can get; each attempt takes as many ms as the window is wide.
 * Fresh ones ask at each ms, the others each 100 ms. */
static void run(unsigned window, unsigned who, unsigned out[BUD_SHARES])
{
	struct bud_shares shares = {0};
	enum bud_share running[64];
	unsigned n = 0;

	for (int i = 0; i < BUD_SHARES; i++)
		out[i] = 0;
	for (int64_t now_ms = 0; now_ms < TURNS; now_ms++) {
		if (n > 0) { /* the oldest ends */
			bud_shares_end(&shares, running[0]);
			for (unsigned i = 1; i < n; i++)
				running[i - 1] = running[i];
			n--;
		}
		for (int share = 0; share < BUD_SHARES; share++) {
			if (!(who & (1u << share)))
				continue;
			while (start(&shares, (enum bud_share)share, window, now_ms)) {
				running[n++] = (enum bud_share)share;
				out[share]++;
				assert_true(n <= window);
			}
		}
	}
}

static void contended_they_get_their_parts(void **state)
{
	static const unsigned windows[] = {1, 2, 3, 4, 16, 64};

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		unsigned got[BUD_SHARES];
		unsigned all;
		run(windows[i], 7, got);
		all = got[0] + got[1] + got[2];
		assert_true(all >= TURNS); /* no slot is left free */
		assert_in_range(got[BUD_SHARE_FRESH] * 100 / all, 62, 73);
		assert_in_range(got[BUD_SHARE_RETRY] * 100 / all, 21, 28);
		assert_in_range(got[BUD_SHARE_REPLAY] * 1000 / all, 40, 110);
		run(windows[i], 3, got);
		all = got[0] + got[1];
		assert_true(all >= TURNS);
		assert_in_range(got[BUD_SHARE_RETRY] * 100 / all, 23, 32);
		run(windows[i], 4, got);
		assert_true(got[BUD_SHARE_REPLAY] >= TURNS);
	}
}

static void nothing_is_held_for_nobody(void **state)
{
	struct bud_shares shares = {0};

	(void)state;
	while (start(&shares, BUD_SHARE_FRESH, 16, 0))
		;
	assert_false(start(&shares, BUD_SHARE_RETRY, 16, 0));
	for (int i = 0; i < 6; i++)
		bud_shares_end(&shares, BUD_SHARE_FRESH);
	/* 11.2 of its own, 4 held for the retry. */
	assert_true(start(&shares, BUD_SHARE_FRESH, 16, 100));
	assert_true(start(&shares, BUD_SHARE_FRESH, 16, 100));
	assert_false(start(&shares, BUD_SHARE_FRESH, 16, 100));
	for (int i = 0; i < 4; i++)
		assert_true(start(&shares, BUD_SHARE_RETRY, 16, 100));
	assert_false(start(&shares, BUD_SHARE_RETRY, 16, 100));
	bud_shares_end(&shares, BUD_SHARE_RETRY);
	bud_shares_end(&shares, BUD_SHARE_RETRY);
	assert_false(start(&shares, BUD_SHARE_FRESH, 16, 599));
	assert_true(start(&shares, BUD_SHARE_FRESH, 16, 600)); /* it did not come again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_gets_all),
		cmocka_unit_test(contended_they_get_their_parts),
		cmocka_unit_test(nothing_is_held_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
