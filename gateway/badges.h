/* Badges of checks, for anybody who knows their ids: what a check is now, and how long it was up.
 */
#ifndef GATEWAY_BADGES_H
#define GATEWAY_BADGES_H

struct request;

void badges_status(struct request *request);
void badges_uptime(struct request *request);

#endif
