/* Answers in pieces; see stream.c. Executor. */
#ifndef PROXENOS_BIND_STREAM_H
#define PROXENOS_BIND_STREAM_H

#include "internal.h"

/* px.http.stream */
int http_stream(lua_State *L);
/* The call has ended. NULL is fine. */
void stream_drop(struct stream *stream);

#endif
