/* What became of a check: its pings, its alerts, its changes of state, page by page. */
#ifndef GATEWAY_CHECK_HISTORY_H
#define GATEWAY_CHECK_HISTORY_H

struct request;

void check_history_pings(struct request *request);
void check_history_alerts(struct request *request);
void check_history_flips(struct request *request);

#endif
