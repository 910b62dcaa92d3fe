/*
 * The machine's libcurl, loaded when something is to be sent. It brings some thirty libraries with
 * it, so a wrapped job does not wait for them, and runs also where libcurl is missing, which
 * happens: nothing that npm installs keeps a package manager from removing it.
 */
#ifndef CLI_CURL_LIBRARY_H
#define CLI_CURL_LIBRARY_H

#include <curl/curl.h>

#include "shared/compiler.h"

struct curl_library {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *handle, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *handle);
    CURLcode (*easy_getinfo)(CURL *handle, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *handle);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

#define CURL_LIBRARY_ERROR_SIZE 320

/* Loads and initializes it, for the life of the process. 0, or -1 with a sentence in error. */
int curl_library_load(struct curl_library *curl,
                      char error[static CURL_LIBRARY_ERROR_SIZE]) MUST_CHECK;

#endif
