/* The {check} of a path, for handlers that need its number. */
#ifndef GATEWAY_CHECK_PATH_H
#define GATEWAY_CHECK_PATH_H

struct request;

/*
 * Sets request->path_id to the number of the check, and calls then; or answers with 404. What was
 * named under another CRONCOCO_SECRET is looked up. That the check is there, and the account's, is
 * not said by this.
 */
void check_path_find(struct request *request, void (*then)(struct request *request));

#endif
