/* Reports: what attempts add up to for each receiver, written to the store once a second: stats,
 * and since when a subscription has had nothing but failures. */
#pragma once
#include <stdint.h>
#include "core/list.h"

struct bud_desk;         /* dispatch/desk.h */
struct bud_fetch_result; /* fetch/fetch.h */
struct bud_outcome;      /* dispatch/outcome.h */
struct bud_receiver;     /* dispatch/receiver.h */

/* Embedded in its owner. */
struct bud_reports {
	const struct bud_desk *desk;
	struct bud_list dirty; /* bud_receiver::report_link */
};

void bud_reports_init(struct bud_reports *reports, const struct bud_desk *desk);
/* Drops what is not written. */
void bud_reports_finish(struct bud_reports *reports);
/* Notes an attempt that ended. */
void bud_reports_add(struct bud_reports *reports, struct bud_receiver *receiver,
	const struct bud_fetch_result *result, const struct bud_outcome *outcome);
/* Each few milliseconds. */
void bud_reports_tick(struct bud_reports *reports, int64_t mono_ms);
/* The receiver said that it is gone, or its owner's rules do: no attempts from now on. */
void bud_reports_disable(struct bud_reports *reports, struct bud_receiver *receiver, int status);
