/* The control thread: follows the registry and writes the table, beats and watches other nodes,
 * trims and forgets, and answers on the admin listener. */
#pragma once
#include "core/metrics.h"

struct bud_app;     /* app/app.h */
struct bud_control; /* opaque */

/* Starts the thread. Takes `admin_fd`, bound and not listening. */
struct bud_control *bud_control_start(struct bud_app *app, int admin_fd);
const struct bud_metrics *bud_control_metrics(const struct bud_control *control);
/* app->metrics is complete: the admin listener may show it. Wakes the thread. */
void bud_control_open_admin(struct bud_control *control);
/* Ends the thread, waits for it and frees it. NULL is fine. */
void bud_control_stop(struct bud_control *control);
