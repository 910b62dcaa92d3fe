/* How much of the time a check was up: lately, and in each month. */
#ifndef GATEWAY_CHECK_UPTIME_H
#define GATEWAY_CHECK_UPTIME_H

struct request;

void check_uptime_show(struct request *request);

#endif
