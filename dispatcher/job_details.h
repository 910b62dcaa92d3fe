/*
 * What a delivery needs to know of a job, as of one version, or of a notice, in the form that
 * libcurl takes. Not changed once made, and shared by all deliveries of the job: counted.
 */
#ifndef DISPATCHER_JOB_DETAILS_H
#define DISPATCHER_JOB_DETAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "shared/compiler.h"

#define JOB_PROBLEM_SIZE 128
#define JOB_HOST_SIZE    264 /* a name of 253 bytes, a colon, a port */

struct job_details {
    int64_t job;     /* or notice */
    int64_t account; /* whose secrets it is signed with */
    uint32_t version;
    uint32_t host_hash;
    unsigned references;
    bool alert; /* a notice that is the alert of a check; its payload is a JSON object */
    char host[JOB_HOST_SIZE];       /* "example.com:443" */
    char problem[JOB_PROBLEM_SIZE]; /* why it cannot be delivered, for the user; "" where it can */
    char *url;
    /*
     * All headers but the delivery's own: the user's, then ours where the user has none of that
     * name. What frames the message on the wire is never the user's: see job_details.c.
     */
    struct curl_slist *headers;
    const char *payload; /* exactly as stored; "" where there is none */
    size_t payload_bytes;
    size_t memory_bytes; /* what all of it takes */
};

/* As stored; headers and payload may be NULL. */
struct job_row {
    int64_t job; /* or notice, whose version is 0 */
    int64_t account;
    uint32_t version;
    const char *url;
    const char *headers;
    const char *payload;
    bool alert;
};

/* Checks everything again, whatever the API has checked; one reference is the caller's. */
struct job_details *job_details_create(const struct job_row *row);
struct job_details *job_details_retain(struct job_details *details);
void job_details_release(struct job_details *details);

#endif
