/* Growing buffers. A zeroed buf is an empty one. One thread at a time. */
#include "proxenos/base.h"

enum { BUF_BYTES_MIN = 64 };

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_deinit(struct buf *buf)
{
    if (buf != NULL) {
        mem_free(buf->at);
        *buf = (struct buf){0};
    }
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
}

static void grow(struct buf *buf, size_t more_bytes)
{
    ASSERT(more_bytes <= SIZE_MAX / 4 && buf->len <= SIZE_MAX / 4);
    size_t needed = buf->len + more_bytes;
    buf->cap = MAX(MAX(needed, buf->cap * 2), (size_t)BUF_BYTES_MIN);
    buf->at = mem_realloc(buf->at, buf->cap);
}

char *buf_reserve(struct buf *buf, size_t more_bytes)
{
    if (more_bytes > buf->cap - buf->len || buf->at == NULL) {
        grow(buf, more_bytes);
    }
    return buf->at + buf->len;
}

void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (len > 0) {
        memcpy(buf_reserve(buf, len), bytes, len);
        buf->len += len;
    }
}

void buf_append_str(struct buf *buf, struct str s)
{
    buf_append(buf, s.at, s.len);
}

void buf_append_char(struct buf *buf, char c)
{
    *buf_reserve(buf, 1) = c;
    buf->len++;
}

void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    size_t room = buf->cap - buf->len;
    int len = vsnprintf(buf->at == NULL ? NULL : buf->at + buf->len, room, format, arguments);
    ASSERT(len >= 0);
    if ((size_t)len >= room) {
        char *at = buf_reserve(buf, (size_t)len + 1);
        vsnprintf(at, (size_t)len + 1, format, again);
    }
    va_end(again);
    buf->len += (size_t)len;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->at == NULL ? "" : buf->at, buf->len};
}

const char *buf_cstr(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return buf->at;
}

char *buf_steal(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    char *text = buf->at;
    *buf = (struct buf){0};
    return text;
}

void buf_consume(struct buf *buf, size_t len)
{
    ASSERT(len <= buf->len);
    if (len > 0) {
        memmove(buf->at, buf->at + len, buf->len - len);
        buf->len -= len;
    }
}
