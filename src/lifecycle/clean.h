/* The cleaner: trims settled events past retention or when memory is short, forgets dead letters
 * past retention, what deleted subscriptions left and grants that ended long ago. Also measures
 * what only the store knows. */
#pragma once
#include <stdint.h>

struct bud_authority; /* auth/authorize.h */
struct bud_cleaner;   /* opaque; belongs to the control thread */
struct bud_metrics;   /* core/metrics.h */
struct bud_store;     /* store/store.h */
struct bud_table;     /* subscription/table.h */
struct uv_loop_s;

/* All borrowed until it is closed. */
struct bud_clean_options {
	struct uv_loop_s *loop;
	struct bud_store *store;
	struct bud_table *table;         /* of the thread that writes it */
	struct bud_authority *authority; /* whose grants; NULL: none are taken back */
	struct bud_metrics *metrics;
	int64_t retention_ms;
	int64_t budget_bytes; /* of Redis' memory, for events too; 0: 70 % of its limit */
	int64_t each_ms;      /* how often; 0: 1 s */
	int64_t late_ms;      /* after a deletion nobody reports attempts any more; 0: 75 s */
};

struct bud_cleaner *bud_cleaner_open(const struct bud_clean_options *options);
/* A subscription was deleted: its dead letters, its attempt log and its figures go, and once
 * more what attempts that ran meanwhile have written. Copies the id. */
void bud_cleaner_on_deleted(struct bud_cleaner *cleaner, const char *id);
/* After the connection is closed. Asynchronous; NULL is fine. */
void bud_cleaner_close(struct bud_cleaner *cleaner);
