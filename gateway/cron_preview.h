/* When an expression would fire. */
#ifndef GATEWAY_CRON_PREVIEW_H
#define GATEWAY_CRON_PREVIEW_H

struct request;

void cron_preview(struct request *request);

#endif
