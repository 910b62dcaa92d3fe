#include "cli/curl_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The ABI is the same in all of them since 2006; which TLS library is behind it does not matter. */
static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

#define SYMBOL(member)                                                                             \
    {                                                                                              \
        "curl_" #member, offsetof(struct curl_library, member)                                     \
    }

static const struct {
    const char *name;
    size_t offset; /* of the member in struct curl_library */
} symbols[] = {
    SYMBOL(global_init),   SYMBOL(easy_init),    SYMBOL(easy_setopt),
    SYMBOL(easy_perform),  SYMBOL(easy_getinfo), SYMBOL(easy_cleanup),
    SYMBOL(easy_strerror), SYMBOL(slist_append), SYMBOL(slist_free_all),
};

static int fail(char error[static CURL_LIBRARY_ERROR_SIZE], const char *problem)
{
    snprintf(error, CURL_LIBRARY_ERROR_SIZE,
             "libcurl cannot be loaded: install it (Debian, Ubuntu: apt install libcurl4; Fedora: "
             "dnf install libcurl) [%.120s]",
             problem);
    return -1;
}

/* NULL with an error that is about the first of the files. */
static void *open_library(char error[static CURL_LIBRARY_ERROR_SIZE])
{
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        void *library = dlopen(files[i], RTLD_LAZY | RTLD_LOCAL);
        if (library)
            return library;
        if (i == 0)
            fail(error, dlerror());
    }
    return NULL;
}

int curl_library_load(struct curl_library *curl, char error[static CURL_LIBRARY_ERROR_SIZE])
{
    /* GnuTLS comes along for a protocol that is not used here, and would test itself first. */
    setenv("GNUTLS_NO_IMPLICIT_INIT", "1", 1);
    void *library = open_library(error);
    if (!library)
        return -1;
    for (size_t i = 0; i < ARRAY_LENGTH(symbols); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol)
            return fail(error, symbols[i].name);
        /* ISO C knows no conversion from an object's address to a function's; POSIX does. */
        memcpy((char *)curl + symbols[i].offset, &symbol, sizeof symbol);
    }
    CURLcode code = curl->global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? 0 : fail(error, curl->easy_strerror(code));
}
